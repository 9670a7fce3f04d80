/** Where the script build lies; the bundle puts it in the place of `import.meta.url`, which a classic script has not. */
export const place = (document.currentScript as HTMLScriptElement | null)?.src;
