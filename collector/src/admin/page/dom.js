// Elements from data. Text always goes in as text: an event's name is never markup.

export const $ = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'onclick') node.addEventListener('click', value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Changes text only when it differs, so that a calm page stays calm for screen readers and the layout. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Bytes for people. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Copies text and tells so on the button for a moment. */
export async function copy(button, text) {
  const label = button.dataset.label ??= button.textContent;
  let done = 'Copied';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without TLS a page that is not on localhost has no clipboard; the old command still works.
    const area = element('textarea', { class: 'unseen' });
    area.value = text;
    document.body.append(area);
    area.select();
    if (!document.execCommand('copy')) done = 'Not allowed';
    area.remove();
  }
  button.textContent = done;
  say($('said'), done);
  clearTimeout(button.timer);
  button.timer = setTimeout(() => (button.textContent = label), 1400);
}
