import { analytics, choice, choose, showLive } from './analytics.js';
import { facts, money, products } from './products.js';

const at = (id) => document.getElementById(id);
const cart = new Map(JSON.parse(localStorage.getItem('zeltplatz-cart') ?? '[]'));
const bySku = new Map(products.map((each) => [each.sku, each]));

// ---- what is tracked -------------------------------------------------------------------------------------------------

/** Tracks, and shows behind the counter that it did. */
function track(event, properties) {
  const done = analytics.track(event, properties);
  const line = document.createElement('li');
  const time = new Date().toLocaleTimeString('en-GB');
  line.innerHTML = `<strong></strong><span></span><time>${time}</time>`;
  line.querySelector('strong').textContent = event;
  line.querySelector('span').textContent = properties?.name ?? properties?.category ?? '';
  at('calls').querySelector('.empty')?.remove();
  at('calls').prepend(line);
  while (at('calls').children.length > 6) at('calls').lastElementChild.remove();
  return done;
}

analytics.page('Shop');
track('Product List Viewed', { list_id: 'season', category: 'Everything', products: products.map(facts) });

// ---- shelf -----------------------------------------------------------------------------------------------------------

for (const product of products) {
  const item = document.createElement('li');
  item.className = 'product';
  item.dataset.category = product.category;
  item.innerHTML = `<article>${product.art()}<div class="product-text"><p class="category">${product.category}</p><h3>${product.name}</h3><p>${product.about}</p></div><div class="product-foot"><span class="price">${money(product.price)}</span><button type="button" class="button">Add<span class="visually-hidden"> ${product.name}</span> to cart</button></div></article>`;
  item.querySelector('button').addEventListener('click', () => add(product));
  at('shelf').append(item);
}

for (const button of document.querySelectorAll('.filters button')) {
  button.addEventListener('click', () => {
    const { category } = button.dataset;
    for (const each of document.querySelectorAll('.filters button')) each.setAttribute('aria-pressed', String(each === button));
    for (const item of document.querySelectorAll('.product')) item.hidden = Boolean(category) && item.dataset.category !== category;
    track('Product List Filtered', { list_id: 'season', category: category || 'Everything' });
  });
}

// ---- cart ------------------------------------------------------------------------------------------------------------

const total = () => [...cart].reduce((sum, [sku, quantity]) => sum + bySku.get(sku).price * quantity, 0);
const inCart = () => [...cart].map(([sku, quantity]) => ({ ...facts(bySku.get(sku)), quantity }));

function add(product) {
  cart.set(product.sku, (cart.get(product.sku) ?? 0) + 1);
  track('Product Added', { ...facts(product), quantity: 1 });
  say(`${product.name} is in your cart.`);
  show();
}

function remove(product) {
  track('Product Removed', { ...facts(product), quantity: cart.get(product.sku) });
  cart.delete(product.sku);
  say(`${product.name} is no longer in your cart.`);
  show();
}

function show() {
  localStorage.setItem('zeltplatz-cart', JSON.stringify([...cart]));
  const pieces = [...cart.values()].reduce((sum, quantity) => sum + quantity, 0);
  at('count').textContent = pieces;
  at('total').textContent = money(total());
  at('order').disabled = pieces === 0;
  at('lines').replaceChildren(
    ...[...cart].map(([sku, quantity]) => {
      const product = bySku.get(sku);
      const line = document.createElement('li');
      line.innerHTML = `${product.art()}<div><strong>${product.name}</strong><span>${quantity} × ${money(product.price)}</span></div><button type="button" class="link">Remove<span class="visually-hidden"> ${product.name}</span></button>`;
      line.querySelector('button').addEventListener('click', () => remove(product));
      return line;
    }),
  );
  if (pieces === 0) at('lines').innerHTML = '<li class="empty">Nothing in it yet.</li>';
}

at('openCart').addEventListener('click', () => {
  at('cart').showModal();
  track('Cart Viewed', { cart_id: 'cart', products: inCart() });
});
at('cart').addEventListener('click', (event) => {
  if (event.target === at('cart')) at('cart').close();
});

at('order').addEventListener('click', () => {
  const order = `Z-${Date.now().toString(36).toUpperCase().slice(-6)}`;
  track('Order Completed', { order_id: order, total: Math.round(total() * 100) / 100, currency: 'EUR', products: inCart() });
  localStorage.removeItem('zeltplatz-cart');
  // No waiting for the event: it is stored already.
  location.href = `thanks.html?order=${order}`;
});

// ---- consent ---------------------------------------------------------------------------------------------------------

function showChoice() {
  const chosen = choice();
  at('consent').hidden = chosen !== null;
  at('consentState').textContent =
    chosen === null
      ? 'You have not chosen yet, so everything you do waits on this device.'
      : chosen.analytics
        ? 'You agreed to analytics: events go to the collector, those from before your choice, too.'
        : 'You said no: nothing is kept, and nothing leaves this device.';
}

at('consentForm').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { name } = event.submitter;
  const { analytics: counted, ads } = event.target.elements;
  const all = name === 'all';
  await choose(name === 'chosen' ? { analytics: counted.checked, ads: ads.checked } : { analytics: all, ads: all });
  say('Your choice is saved.');
  showChoice();
});

at('choices').addEventListener('click', () => {
  const chosen = choice();
  const { analytics: counted, ads } = at('consentForm').elements;
  counted.checked = chosen?.analytics ?? false;
  ads.checked = chosen?.ads ?? false;
  at('consent').hidden = false;
  at('consentTitle').focus();
});

function say(text) {
  at('say').textContent = text;
}

show();
showChoice();
showLive(at('live'));
