// A module out of its text, as `pack.mjs` writes it and describes it. Every page pays for each byte of this.

/**
 * The stream in which an operator's operand lies, 0 where it has none: what a constant or a local variable is, is better
 * told by the operator that takes it than by the one before.
 */
export const streamOf = (op, next) =>
  op === 32
    ? 117 + (next >> 2)
    : op === 65
      ? 67 + (next >> 2)
      : op > 66 || op < 2 || op === 5 || op === 11 || op === 15 || op >> 1 === 13
        ? 0
        : op > 39 && op < 63
          ? 40
          : op;

/** The bytes of the module. They differ from those that were packed in lengths of numbers and hints of alignment. */
export const unpack = ([tail, head, operators, operands]) => {
  const out = [];
  const streams = operands.split("\t");
  const places = streams.map(() => 0);
  let start = 0;
  let stream = 0;
  let left = 0;
  const next = () => streams[stream].charCodeAt(places[stream]++) - 64;
  const copy = (text) => {
    for (let i = 0; i < text.length; ) out.push(text.charCodeAt(i++));
  };
  const close = () => {
    const size = out.push(11) - start;
    out[start - 3] = (size & 127) | 128;
    out[start - 2] = ((size >> 7) & 127) | 128;
    out[start - 1] = size >> 14;
  };
  copy(head);
  for (let i = 0; i < operators.length; ) {
    const op = operators.charCodeAt(i++);
    stream = streamOf(op, operators.charCodeAt(i));
    if (op === 6) {
      if (start) close();
      start = out.push(0, 0, 0);
    } else if (op < 6 || op > 10) out.push(op);
    if (stream === 40) out.push(0);
    if (op > 10)
      for (left = stream && 16384; left > 16383; ) {
        left = next();
        out.push((left & 127) | 128, ((left >> 7) & 127) | (+(left > 16383) << 7));
      }
    else if (stream) {
      left = op < 5 ? 1 : next();
      if (op === 6) {
        out.push(left);
        left *= 2;
      }
      while (left--) out.push(next());
    }
  }
  close();
  copy(tail);
  return new Uint8Array(out);
};
