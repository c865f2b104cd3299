import type { Renderer } from './view.ts';

/** `vm create` and `vm run -d`: the name alone, for the next command. */
export const renderVmMade: Renderer<'vm.made'> = ({ name }) => name;
