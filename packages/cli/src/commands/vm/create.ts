import { defineCommand } from '../../command.ts';
import { detachOption, startDetached } from '../../options/detach.ts';
import { waitOption, wishOf, wishOptions } from '../../options/vm-options.ts';
import { announcePlan } from '../../session/announce.ts';

export const command = defineCommand({
  details: 'What is missing is fetched first. Prints the name of the VM.',
  options: {
    ...wishOptions,
    ...waitOption,
    noStart: { flags: '--no-start', text: 'make it, and leave it stopped' },
    dryRun: { flags: '--dry-run', text: 'print the plan; make, fetch and start nothing' },
    ...detachOption,
  },
  examples: [
    ['banger vm create --name box', 'a VM with the default image and sizes'],
    ['banger vm create --memory 4G --vcpu 4', 'a larger one, with a generated name'],
    ['banger vm create --name later --no-start', 'made, but not started'],
    ['banger vm create --image debian-bookworm-systemd --wait init', 'wait until its services are up'],
  ],
  run: async (context, { options }) => {
    const wish = wishOf(options, context.machine);
    const plan = await context.call('vm.plan', wish, 'Planning');
    if (options.dryRun) return { view: { kind: 'vm.plan', data: plan } };
    announcePlan(plan, context.reporter);
    const params = {
      spec: plan.spec,
      start: options.noStart === undefined,
      ephemeral: false,
      waitInit: options.wait === 'init',
    };
    const label = `Making ${plan.spec.name}`;
    if (options.detach) return startDetached(context, 'vm.create', params, label);
    const vm = await context.call('vm.create', params, label);
    return { view: { kind: 'vm.made', data: vm } };
  },
});
