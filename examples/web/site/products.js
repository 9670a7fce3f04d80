// What is on the shelves, with a picture each.

let pictures = 0;

/** A function that draws: each picture has a gradient of its own, since a hidden one's is not painted. */
const tile = (from, to, drawing) => () => {
  const sky = `sky${++pictures}`;
  return `<svg viewBox="0 0 320 240" aria-hidden="true" preserveAspectRatio="xMidYMid slice"><defs><linearGradient id="${sky}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient></defs><path fill="url(#${sky})" d="M0 0h320v240H0z"/>${drawing}</svg>`;
};

const ground = (colour) => `<path fill="${colour}" d="M0 196c70-14 150-16 210-8s80 6 110 0v52H0Z"/>`;

export const products = [
  {
    sku: 'ZP-101',
    name: 'Family tent Waldrand 4',
    category: 'Tents',
    price: 429,
    about: 'Four sleep, two argue, everybody stands up straight.',
    art: tile(
      '#cfe3dd',
      '#f3ead2',
      `<circle cx="252" cy="58" r="26" fill="#f6c667"/>${ground('#8fb39a')}<path d="m160 66 92 130H196Z" fill="#2b6a66"/><path d="M160 66 58 196h146Z" fill="#3f8b80"/><path d="m152 98-40 98h74Z" fill="#1d4c4a"/><path d="m152 98-40 98h34Z" fill="#f4d9a0"/><path d="M160 66v-14M58 196l-22 8m216-8 26 8" stroke="#1d4c4a" stroke-width="3" stroke-linecap="round"/>`,
    ),
  },
  {
    sku: 'ZP-102',
    name: 'Tent Einmann 1',
    category: 'Tents',
    price: 189,
    about: 'One kilo and a bit. Fits one person and their thoughts.',
    art: tile(
      '#f7d9bd',
      '#f3ead2',
      `<circle cx="74" cy="60" r="22" fill="#e98b4e"/>${ground('#b49a78')}<path d="M62 196c20-74 70-104 116-104 48 0 74 46 86 104Z" fill="#c8553d"/><path d="M178 92c-30 22-44 62-48 104H62c20-74 70-104 116-104Z" fill="#df7052"/><path d="M142 196c2-36 14-62 30-76 14 18 20 46 20 76Z" fill="#7b2f22"/><path d="M142 196c2-36 14-62 30-76l-8 76Z" fill="#ffe2a6"/>`,
    ),
  },
  {
    sku: 'PET-301',
    name: 'Headlamp Luciole 400',
    category: 'Light',
    price: 39.9,
    about: 'Four hundred lumens for the way to the washroom.',
    art: tile(
      '#1c3a49',
      '#2f5964',
      `<path d="M196 118 320 64v128L196 138Z" fill="#ffe2a6" opacity=".55"/><path d="M196 122 320 96v64l-124-26Z" fill="#fff3cf" opacity=".8"/><path d="M40 92c40-34 116-34 152 14v44c-36 48-112 48-152 14" fill="none" stroke="#f2a04d" stroke-width="18" stroke-linecap="round"/><rect x="128" y="96" width="58" height="64" rx="14" fill="#12262e"/><rect x="170" y="104" width="30" height="48" rx="10" fill="#f7ecd2"/><circle cx="150" cy="128" r="8" fill="#f2a04d"/>`,
    ),
  },
  {
    sku: 'PET-302',
    name: 'Candle lantern Glimm',
    category: 'Light',
    price: 24.5,
    about: 'Burns nine hours, which is longer than most stories.',
    art: tile(
      '#3a2a3f',
      '#7a4a4a',
      `<circle cx="160" cy="134" r="96" fill="#ffcf7d" opacity=".22"/><circle cx="160" cy="134" r="58" fill="#ffcf7d" opacity=".3"/><path d="M132 66a28 28 0 0 1 56 0" fill="none" stroke="#f7ecd2" stroke-width="5"/><rect x="116" y="66" width="88" height="18" rx="6" fill="#f7ecd2"/><rect x="124" y="84" width="72" height="96" rx="6" fill="#fff3cf" opacity=".35"/><rect x="144" y="132" width="32" height="48" rx="4" fill="#fff8e6"/><path d="M160 96c12 16 14 30 0 36-14-6-12-20 0-36Z" fill="#f2a04d"/><rect x="112" y="180" width="96" height="20" rx="6" fill="#f7ecd2"/>`,
    ),
  },
  {
    sku: 'PET-303',
    name: 'Solar string lights',
    category: 'Light',
    price: 29.9,
    about: 'Charges while you walk, shines while you cook.',
    art: tile(
      '#20384f',
      '#6d6a86',
      `<path d="M-10 60c90 70 240 70 340 0" fill="none" stroke="#12262e" stroke-width="4"/>${[
        [34, 86],
        [88, 106],
        [146, 114],
        [206, 109],
        [262, 93],
      ]
        .map(([x, y], i) => `<circle cx="${x}" cy="${y + 18}" r="30" fill="#ffcf7d" opacity=".25"/><rect x="${x - 5}" y="${y - 2}" width="10" height="10" rx="2" fill="#12262e"/><circle cx="${x}" cy="${y + 18}" r="13" fill="${i % 2 ? '#ffcf7d' : '#fff3cf'}"/>`)
        .join('')}${ground('#2a2f45')}`,
    ),
  },
  {
    sku: 'ZP-401',
    name: 'Camp stove Funke',
    category: 'Kitchen',
    price: 64,
    about: 'Coffee in three minutes, forgiveness in four.',
    art: tile(
      '#e7e0cf',
      '#f7efdc',
      `${ground('#b9b08f')}<path d="M106 92h108l-10 50H116Z" fill="#4b6b75"/><path d="M214 100h34" stroke="#33505a" stroke-width="9" stroke-linecap="round"/><path d="M100 84h120v12H100Z" fill="#33505a"/><path d="M140 150c-6 12 4 14 2 22m18-22c-6 12 4 14 2 22m18-22c-6 12 4 14 2 22" stroke="#e07a3f" stroke-width="6" stroke-linecap="round" fill="none"/><path d="M118 172h84l12 30H106Z" fill="#c8553d"/><path d="M132 60c-8-10 8-14 0-26m28 26c-8-10 8-14 0-26m28 26c-8-10 8-14 0-26" stroke="#b9b08f" stroke-width="5" stroke-linecap="round" fill="none"/>`,
    ),
  },
];

const euros = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });
export const money = (amount) => euros.format(amount);

/** A product as the e-commerce spec has it. */
export const facts = ({ sku, name, category, price }) => ({ product_id: sku, sku, name, category, price, currency: 'EUR' });
