/** The part of an ESTree node that the rules look at. */
export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What a rule is given for one file; the part of the ESLint rule context that the rules use. */
export interface RuleContext {
  report(problem: { readonly node: unknown; readonly message: string }): void;
  readonly sourceCode: { getAllComments(): readonly (Node & { readonly value: string })[] };
}

/** A lint rule in the form that oxlint loads: ESLint's plugin interface. */
export interface LintRule {
  readonly meta: { readonly type: 'problem' };
  create(context: RuleContext): Readonly<Record<string, (node: Node) => void>>;
}

/** The field of a node that is itself a node. */
export function child(node: Node, field: string): Node | undefined {
  const value = node[field];
  return typeof value === 'object' && value !== null && 'type' in value ? (value as Node) : undefined;
}

/** The field of a node that is a list of nodes; empty when it is none. */
export function children(node: Node, field: string): readonly Node[] {
  const value = node[field];
  return Array.isArray(value) ? (value as readonly Node[]) : [];
}

/** The name that an identifier, a string literal or the property of a member expression stands for. */
export function nameOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (node.type === 'MemberExpression') return nameOf(child(node, 'property'));
  const name = node['name'] ?? node['value'];
  return typeof name === 'string' ? name : undefined;
}
