import type { TreeRecord } from '@banger/contract/tree-record';
import type { Clock } from '../clock.ts';
import type { Task } from '../progress/reporter.ts';
import type { Copied } from '../render/view.ts';

/** How often it is told how far a copy has come, and from when on: what is over sooner needs no telling. */
const TELL_MS = 1_000;
/** Of what was left out, the first are named. */
const NAMED_SKIPS = 20;

/** Counts what a command copies, tells how far it has come, and names what is left out. */
export class Tally {
  readonly #clock: Clock;
  readonly #task: Task;
  #told: number;
  #files = 0;
  #directories = 0;
  #links = 0;
  #bytes = 0;
  #skipped = 0;
  readonly #skips: { path: string; reason: string }[] = [];
  /** Names from the root to where the walk is. */
  readonly #path: string[] = [];
  #inFile = false;
  #stage = '';
  #total: number | undefined;
  /** What could not be read, and so should have been copied. */
  unreadable = 0;

  constructor(clock: Clock, task: Task) {
    this.#clock = clock;
    this.#task = task;
    this.#told = clock.monotonic();
  }

  get result(): Copied {
    return {
      files: this.#files,
      directories: this.#directories,
      links: this.#links,
      bytes: this.#bytes,
      skipped: this.#skipped,
      skips: this.#skips,
    };
  }

  /** The next tree begins; `source` is how its user names it. */
  begin(source: string): void {
    this.#stage = `Copying ${source}`;
    this.#total = undefined;
    this.#path.splice(0, this.#path.length, source);
  }

  /** A record has been copied. */
  count(record: TreeRecord): void {
    switch (record.kind) {
      case 'file':
        if (record.name === '') this.#total = this.#bytes + record.size;
        this.#path.push(record.name);
        this.#inFile = true;
        break;
      case 'directory':
        this.#directories += 1;
        this.#path.push(record.name);
        break;
      case 'link':
        this.#links += 1;
        break;
      case 'content':
        this.#bytes += record.bytes.length;
        break;
      case 'end':
        this.#path.pop();
        if (this.#inFile) this.#files += 1;
        this.#inFile = false;
        break;
      case 'skip':
      default:
        this.#skip(record);
    }
    this.#tell();
  }

  /** Whether anything was made that a cut leaves behind. */
  get begun(): boolean {
    return this.#directories > 0;
  }

  warn(text: string): void {
    this.#task.progress({ operation: '', level: 'warning', stage: text });
  }

  #skip({ reason, name, text }: Extract<TreeRecord, { kind: 'skip' }>): void {
    const path = [...this.#path, name].filter((part) => part !== '').join('/');
    if (this.#inFile) this.#path.pop();
    this.#inFile = false;
    this.#skipped += 1;
    if (reason === 'unreadable') this.unreadable += 1;
    if (this.#skipped > NAMED_SKIPS) return;
    this.#skips.push({ path, reason: text });
    this.warn(`not copied: ${path}: ${text}`);
    if (this.#skipped === NAMED_SKIPS) this.warn('more that is not copied is not named');
  }

  #tell(): void {
    const now = this.#clock.monotonic();
    if (now - this.#told < TELL_MS) return;
    this.#told = now;
    this.#task.progress({
      ...{ operation: '', level: 'stage', stage: this.#stage, unit: 'bytes', done: this.#bytes },
      ...(this.#total === undefined ? { detail: `${this.#files} files` } : { total: this.#total }),
    });
  }
}
