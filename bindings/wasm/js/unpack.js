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

/**
 * The bytes of the module. They differ from those that were packed in lengths of numbers and hints of alignment. Written
 * for its one run, which no compiler has had time for: one loop, hardly a call.
 */
export const unpack = ([tail, head, operators, operands]) => {
  const streams = operands.split("\t");
  const places = streams.map(() => 0);
  const usual = places.map((_, op) => streamOf(op, 0));
  // An operator makes three bytes on the average.
  const out = new Uint8Array(9 * operators.length + head.length + tail.length);
  let at = 0;
  let start = 0;
  let next = operators.charCodeAt();
  const copy = (text) => {
    for (let i = 0; i < text.length; ) out[at++] = text.charCodeAt(i++);
  };
  const close = () => {
    out[at++] = 11;
    const size = at - start;
    out[start - 3] = (size & 127) | 128;
    out[start - 2] = ((size >> 7) & 127) | 128;
    out[start - 1] = size >> 14;
  };
  copy(head);
  for (let i = 0; i < operators.length; ) {
    const op = next;
    next = operators.charCodeAt(++i);
    const stream = op === 32 || op === 65 ? streamOf(op, next) : usual[op];
    const text = streams[stream];
    let place = places[stream];
    let left = 1;
    if (op === 6) {
      if (start) close();
      start = at += 3;
    } else if (op < 6 || op > 10) out[at++] = op;
    if (stream === 40) at++;
    if (op > 10)
      for (left = stream && 16384; left > 16383; ) {
        left = text.charCodeAt(place++) - 64;
        out[at++] = (left & 127) | 128;
        out[at++] = ((left >> 7) & 127) | (+(left > 16383) << 7);
      }
    else if (stream) {
      if (op > 4) left = text.charCodeAt(place++) - 64;
      if (op === 6) {
        out[at++] = left;
        left *= 2;
      }
      while (left--) out[at++] = text.charCodeAt(place++) - 64;
    }
    places[stream] = place;
  }
  close();
  copy(tail);
  return out.slice(0, at);
};
