// Debian's Chromium through playwright-core, and what only a test does to it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser whose contexts are private windows: storage works and dies with the context. */
export const launch = (more = {}) => chromium.launch({ executablePath, ...more, args: [...args, ...(more.args ?? [])] });

/**
 * A browser with a profile on disk, as people have it; `preferences` are laid into the profile before the start.
 * `{ context, quit(), again(), remove() }`: `again` starts it anew on the same profile.
 */
export async function launchProfile({ preferences, ...more } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-profile-'));
  if (preferences) {
    await mkdir(join(folder, 'Default'), { recursive: true });
    await writeFile(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences));
  }
  const profile = {
    context: undefined,
    async again() {
      profile.context = await chromium.launchPersistentContext(folder, { executablePath, ...more, args: [...args, ...(more.args ?? [])] });
      return profile.context;
    },
    quit: () => profile.context.close(),
    async remove() {
      await profile.context.close().catch(() => {});
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
  await profile.again();
  return profile;
}

/** The content setting "all cookies blocked": localStorage and IndexedDB throw, as for people who chose that. */
export const cookiesBlocked = { profile: { default_content_setting_values: { cookies: 2 } } };

/** Kills the tab's renderer, as the system does when memory runs out. */
export async function crash(page) {
  const gone = crashed(page);
  const session = await page.context().newCDPSession(page);
  session.send('Page.crash').catch(() => {});
  await gone;
}

/** Resolves when the page's process is known to be gone; after ten seconds without that word, too: it is now and then lost. */
export const crashed = (page) =>
  new Promise((resolve) => {
    const given = setTimeout(resolve, 10_000);
    page.once('crash', () => {
      clearTimeout(given);
      resolve();
    });
  });

/** The processes that render, by id. */
export async function renderers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const found = processInfo.filter((each) => each.type === 'renderer').map((each) => each.id);
  if (found.length === 0) throw new Error('no process renders a page');
  return found;
}

/** Kills processes, and waits until the browser knows: a page that is opened before that may be given one of them. */
export async function killed(ids) {
  for (const id of ids) process.kill(id, 'SIGKILL');
  for (const until = Date.now() + 10_000; Date.now() < until && ids.some(lives); ) await new Promise((done) => setTimeout(done, 20));
  await new Promise((done) => setTimeout(done, 300));
}
const lives = (id) => {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
};
