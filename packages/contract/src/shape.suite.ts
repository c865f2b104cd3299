import { z } from 'zod';

/** The parts of JSON Schema that zod writes for our shapes. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** Longer shapes are written one member a line. */
const LINE = 100;

/** Writes a zod schema as a type for people; the shapes of `named` appear by their names. */
export function shape(
  schema: z.ZodType,
  io: 'input' | 'output',
  named: Readonly<Record<string, z.ZodType>>,
): string {
  const metadata = z.registry<{ id: string }>();
  for (const [id, each] of Object.entries(named)) metadata.add(each, { id });
  return write(z.toJSONSchema(schema, { metadata, io }) as Schema, '');
}

function write(schema: Schema, indent: string): string {
  if (schema.$ref !== undefined) return schema.$ref.replace('#/$defs/', '');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf !== undefined) return writeUnion(schema.anyOf, indent);
  if (Object.keys(schema).length === 0) return 'any';
  // What zod 4 makes of a union of types without limits.
  if (typeof schema.type === 'object') return schema.type.join(' | ');
  switch (schema.type) {
    case 'string':
      return `string${range(schema.minLength, schema.maxLength)}`;
    case 'integer':
      return `integer${range(bound(schema.minimum), bound(schema.maximum))}`;
    case 'number':
    case 'boolean':
      return schema.type;
    case 'array': {
      const items = write(schema.items ?? {}, indent);
      return / \| |^\{/.test(items) ? `(${items})[]` : `${items}[]`;
    }
    case 'object':
      return writeObject(schema, indent);
    case undefined:
    default:
      throw new Error(`No way to write ${JSON.stringify(schema)}.`);
  }
}

function writeUnion(schemas: readonly Schema[], indent: string): string {
  const line = schemas.map((each) => write(each, indent)).join(' | ');
  if (line.length <= LINE) return line;
  const inner = `${indent}    `;
  return schemas.map((each) => `\n${indent}  | ${write(each, inner)}`).join('');
}

function writeObject(
  { properties = {}, required = [], additionalProperties }: Schema,
  indent: string,
): string {
  const inner = `${indent}  `;
  const members = Object.entries(properties).map(
    ([name, each]) => `${name}${required.includes(name) ? '' : '?'}: ${write(each, inner)}`,
  );
  if (typeof additionalProperties === 'object') members.push(`[name]: ${write(additionalProperties, inner)}`);
  if (members.length === 0) return '{}';
  const line = `{ ${members.join(', ')} }`;
  if (line.length + indent.length <= LINE && !line.includes('\n')) return line;
  return `{\n${members.map((member) => `${inner}${member}\n`).join('')}${indent}}`;
}

function range(low: number | undefined, high: number | undefined): string {
  return low === undefined && high === undefined ? '' : `(${low ?? ''}..${high ?? ''})`;
}

/** What a JSON number can hold anyway is no bound. */
function bound(value: number | undefined): number | undefined {
  return value === undefined || Math.abs(value) === Number.MAX_SAFE_INTEGER ? undefined : value;
}
