/** Something that is loaded once, when it is needed; the next one to need it tries again after a failure. */
export const lazily = <T>(load: () => Promise<T>): (() => Promise<T>) => {
  let held: Promise<T> | undefined;
  return () =>
    (held ??= load().catch((error) => {
      held = undefined;
      throw error;
    }));
};
