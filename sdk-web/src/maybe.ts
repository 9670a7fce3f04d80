/** What throws, because a browser refuses it or a text is damaged, is as if it were not there. */
export const maybe = <T>(run: () => T): T | undefined => {
  try {
    return run();
  } catch {
    return;
  }
};
