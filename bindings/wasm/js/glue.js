// The class round the one function that `src/lib.rs` exports. Written by hand: what wasm-bindgen would write for a class
// is five times as large. The calling convention is that of the pinned wasm-bindgen.

/** The engine's class, for an instance that is attached to it. */
export const createGlue = () => {
  let exports;

  /** What the WebAssembly imports: wasm-bindgen's way to throw, whose name holds a hash. It means that memory ran out. */
  const imports = () => ({
    "./headwater_bg.js": new Proxy({}, {
      get: () => () => {
        throw new Error("out of memory");
      },
    }),
  });

  /** The instance in which engines are created from now on. */
  const attach = (instance) => {
    exports = instance.exports;
  };

  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const hex = (bytes) => Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join("");

  const runner =
    ({ memory, run, __wbindgen_malloc: malloc, __wbindgen_free: free, __wbindgen_add_to_stack_pointer: stack }) =>
    (engine, op, wall = 0, mono = 0, a = 0, b = 0, text = undefined) => {
      let at = 0;
      let length = 0;
      if (text !== undefined) {
        const bytes = encoder.encode(text);
        length = bytes.length;
        at = malloc(length, 1);
        new Uint8Array(memory.buffer, at, length).set(bytes);
      }
      const answer = stack(-16);
      try {
        run(answer, engine, op, wall, mono, a, b, at, length);
        [at, length] = new Uint32Array(memory.buffer, answer, 2);
        const said = decoder.decode(new Uint8Array(memory.buffer, at, length));
        free(at, length, 1);
        return said;
      } finally {
        stack(16);
      }
    };

  class Engine {
    #run;
    #numbers = [];
    #texts = [];
    #entropy = "";

    static create(config, state, stored, nextSeq, wall, mono, entropy) {
      const engine = new Engine();
      const run = runner(exports);
      const place = run(
        -1, 0, wall, mono, 0, 0,
        `{"config":${config},"state":${state},"stored":"${[...stored]}","nextSeq":${nextSeq},"entropy":"${hex(entropy)}"}`,
      );
      if (!(place >= 0)) throw place;
      engine.#run = (...given) => run(+place, ...given);
      return engine;
    }

    input(wall, mono, kind, a, b, text) {
      this.#run(kind, wall, mono, a, b, kind === 12 || kind === 14 ? this.#entropy + (text ?? "") : text);
    }

    entropy(bytes) {
      this.#entropy = hex(bytes);
    }

    adopt(wall, mono, stored) {
      this.#run(23, wall, mono, 0, 0, `${[...stored]}`);
    }

    giveAway(wall, mono, seqs) {
      this.#run(24, wall, mono, 0, 0, `${[...seqs]}`);
    }

    saved(wall, mono, key, text) {
      this.#run(25, wall, mono, 0, 0, `${key}\0${text}`);
    }

    call(wall, mono, json, entropy) {
      return this.#run(32, wall, mono, 0, 0, hex(entropy) + json);
    }

    stamp(wall, mono, json, entropy) {
      return this.#run(33, wall, mono, 0, 0, hex(entropy) + json);
    }

    submit(wall, mono, event) {
      return this.#run(34, wall, mono, 0, 0, event);
    }

    discard(event, plugin) {
      this.#run(35, 0, 0, 0, 0, `${plugin}\0${event}`);
    }

    hold(wall, mono, event, plugin, detail, guards) {
      return this.#run(40, wall, mono, 0, 0, [plugin, detail, guards.join("\x01"), event].join("\0"));
    }

    reserve(count) {
      return +this.#run(36, 0, 0, count);
    }

    poll() {
      const [numbers, ...texts] = this.#run(37).split("\x01");
      this.#numbers = numbers.split("\0");
      this.#texts = texts;
      return +this.#numbers[0];
    }

    num(index) {
      return +(this.#numbers[index + 1] ?? 0);
    }

    text(index) {
      return this.#texts[index] ?? "";
    }

    seqs() {
      const [kind] = this.#numbers;
      const text = this.#texts[kind === "6" ? 4 : 0];
      return text && "246".includes(kind) ? text.split(",").map(Number) : [];
    }

    deadline() {
      return +(this.#run(38) || -1);
    }

    identity() {
      return this.#run(39);
    }
  }

  return { Engine, imports, attach };
};
