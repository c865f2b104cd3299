import type { DoctorCheck } from '@banger/contract/doctor';
import { escapeLines, escapeText } from './escape.ts';
import { paint, type Tone } from './style.ts';
import type { Renderer } from './view.ts';

const marks: Readonly<Record<DoctorCheck['status'], readonly [text: string, tone: Tone]>> = {
  pass: ['pass', 'green'],
  warn: ['warn', 'yellow'],
  fail: ['FAIL', 'red'],
};

/** `doctor`: a line a check, with what mends it below. `-q` leaves out what passes. */
export const renderDoctor: Renderer<'doctor'> = ({ checks }, screen) => {
  const colour = paint(screen.colour);
  const shown = screen.quiet ? checks.filter(({ status }) => status !== 'pass') : checks;
  const lines = shown.flatMap(({ status, title, detail, fix }) => {
    const [text, tone] = marks[status];
    const told = detail === '' ? title : `${title}: ${detail}`;
    return [
      `${colour(tone, text)}  ${escapeLines(told).replaceAll('\n', '\n      ')}`,
      ...(fix === '' ? [] : [`      fix: ${escapeText(fix)}`]),
    ];
  });
  const count = (wanted: DoctorCheck['status']): number =>
    checks.filter(({ status }) => status === wanted).length;
  const sum = `${count('pass')} passed, ${count('warn')} warned, ${count('fail')} failed`;
  return [...lines, ...(screen.quiet ? [] : ['', sum])].join('\n');
};
