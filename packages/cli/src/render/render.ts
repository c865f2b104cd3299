import { jsonText } from './json.ts';
import type { Item, Renderer, Screen, View, ViewKind } from './view.ts';

/** The text of each kind of view, loaded when it is needed: `banger ps` waits for no other. */
const renderers: { readonly [K in ViewKind]: () => Promise<Renderer<K>> } = {
  'vm.list': async () => (await import('./vm-list.ts')).renderVmList,
  'vm.show': async () => (await import('./vm-show.ts')).renderVm,
  'vm.made': async () => (await import('./vm-made.ts')).renderVmMade,
  'vm.plan': async () => (await import('./vm-plan.ts')).renderPlan,
  'vm.stats': async () => (await import('./vm-stats.ts')).renderStats,
  'vm.ports': async () => (await import('./vm-ports.ts')).renderPorts,
  copied: async () => (await import('./copied.ts')).renderCopied,
  items: async () => (await import('./items.ts')).renderItems,
  'image.list': async () => (await import('./images.ts')).renderImageList,
  'image.show': async () => (await import('./images.ts')).renderImage,
  'image.exported': async () => (await import('./images.ts')).renderImageExported,
  'image.made': async () => (await import('./images.ts')).renderImageMade,
  'kernel.list': async () => (await import('./kernels.ts')).renderKernelList,
  'kernel.show': async () => (await import('./kernels.ts')).renderKernel,
  'kernel.made': async () => (await import('./kernels.ts')).renderKernelMade,
  complete: async () => (await import('./completion.ts')).renderAnswer,
  completion: async () => (await import('./completion.ts')).renderScript,
  'config.show': async () => (await import('./config.ts')).renderConfig,
  'config.path': async () => (await import('./config.ts')).renderConfigPath,
  doctor: async () => (await import('./doctor.ts')).renderDoctor,
  'cache.pruned': async () => (await import('./df.ts')).renderCachePruned,
  df: async () => (await import('./df.ts')).renderDiskUse,
  gc: async () => (await import('./gc.ts')).renderGc,
  'daemon.status': async () => (await import('./daemon.ts')).renderDaemonStatus,
  'daemon.stop': async () => (await import('./daemon.ts')).renderDaemonStop,
  'operation.list': async () => (await import('./operations.ts')).renderOperationList,
  'operation.show': async () => (await import('./operations.ts')).renderOperation,
  'operation.started': async () => (await import('./operations.ts')).renderOperationStarted,
  version: async () => (await import('./daemon.ts')).renderVersion,
};

/** A view as text for a person, without the last newline; may be empty. */
export async function renderText(view: View, screen: Screen): Promise<string> {
  const renderer = (await renderers[view.kind]()) as Renderer<ViewKind>;
  return renderer(view.data, screen);
}

/** A view as one JSON document, indented. */
export function renderJson(view: View): string {
  return jsonText(itemsOf(view)?.map(itemJson) ?? view.data, 2);
}

/** What became of several names, in views that tell that; undefined in others. */
export function itemsOf(view: View): readonly Item[] | undefined {
  return view.kind === 'items' || view.kind === 'vm.stats' || view.kind === 'vm.ports'
    ? view.data
    : undefined;
}

function itemJson(item: Item): unknown {
  return item.ok ? item : { ...item, error: errorJson(item.error) };
}

/** What programs get to know of an error. */
export function errorJson({ code, message, hint, details }: Extract<Item, { ok: false }>['error']): unknown {
  return { code, message, hint, details };
}
