"""What there is in the shop, and what a visitor can do there: each doing is one or more calls.

Money is counted in the currency's smallest unit, so sums are exact. The only chance is a seeded one, drawn through
`random.random()`, which Python promises to keep.
"""

import random
import uuid

MINUTE = 60_000
SHOP = "https://shop.example.com"

# id: name, brand, category, variant, cents in EUR
PRODUCTS = {
    "p-101": ("Fjellro 2 tent", "Nordlys", "Tents", "moss", 28900),
    "p-102": ("Fjellro 4 family tent", "Nordlys", "Tents", "sand", 46900),
    "p-103": ("Tarp Ålesund 3×4 m", "Nordlys", "Tents", "slate", 8900),
    "p-201": ("Down sleeping bag −5 °C", "Gipfelglück", "Sleeping", "blue", 19900),
    "p-202": ("Sleeping mat Wölkchen", "Gipfelglück", "Sleeping", "long", 7450),
    "p-203": ("Silk liner", "Hoshi", "Sleeping", "natural", 4900),
    "p-301": ("Headlamp Luciole 400", "Petite Ourse", "Light", "red", 3990),
    "p-302": ("Candle lantern", "Petite Ourse", "Light", "brass", 2450),
    "p-303": ("Solar string lights", "Hoshi", "Light", "10 m", 2990),
    "p-401": ("Gas stove Żar", "Tatra Works", "Kitchen", "titanium", 6490),
    "p-402": ("Moka pot, 2 cups", "Tatra Works", "Kitchen", "steel", 2890),
    "p-403": ("Enamel mug «Niño»", "Tatra Works", "Kitchen", "cream", 1290),
    "p-404": ("Folding knife No. 8", "Petite Ourse", "Kitchen", "oak", 1590),
    "p-501": ("Rucksack Vandra 45", "Nordlys", "Packs", "forest", 15900),
    "p-502": ("Dry bag 20 l", "Hoshi", "Packs", "yellow", 1990),
    "p-601": ("Gift card", "Zeltplatz", "Gifts", "digital", 5000),
}
# per EUR, digits after the point, share of tax in percent
CURRENCIES = {
    "EUR": (1.0, 2, 20),
    "GBP": (0.86, 2, 20),
    "USD": (1.1, 2, 8),
    "PLN": (4.3, 2, 23),
    "NOK": (11.5, 2, 25),
    "JPY": (165.0, 0, 10),
}


class Money:
    """Amounts of one currency, as whole smallest units inside and as numbers outside."""

    def __init__(self, currency):
        self.currency = currency
        self.rate, self.digits, self.tax = CURRENCIES[currency]

    def price(self, product):
        cents = PRODUCTS[product][4] * self.rate
        return round(cents / 100) if self.digits == 0 else round(cents / 10) * 10

    def of(self, eur):
        return round(eur * self.rate * 10**self.digits)

    def out(self, units):
        return units if self.digits == 0 else units / 10**self.digits


class Evening:
    """Everybody's calls, and the chance in it."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.calls = []
        self.orders = 0

    def between(self, low, high):
        return low + int(self.rng.random() * (high - low))

    def uuid(self):
        bits = 0
        for _ in range(16):
            bits = bits << 8 | int(self.rng.random() * 256)
        return str(uuid.UUID(int=bits, version=4))

    def number_orders(self, calls):
        """Orders count up through the evening, whoever's story was told first."""
        numbers = {}
        for call in calls:
            properties = call.get("properties", {})
            given = properties.get("order_id", "")
            if call.get("event") == "Order Completed":
                numbers[given] = f"Z-{20261 + len(numbers)}"
            if given in numbers:
                properties["order_id"] = numbers[given]


class Visitor:
    """One person at one device. Every method is something the person does."""

    def __init__(self, evening, start, locale, timezone, currency, ip):
        self.evening = evening
        self.at = round(start * MINUTE)
        self.money = Money(currency)
        self.anonymous_id = evening.uuid()
        self.user_id = None
        self.context = {"ip": ip, "locale": locale, "timezone": timezone}
        self.traits = {}
        self.cart_id = None
        self.cart = {}
        self.coupon = None
        self.discount = 0

    # What a call looks like

    def call(self, kind, name=None, **fields):
        """Adds a call and lets a few seconds pass."""
        self.at += self.evening.between(1_500, 14_000)
        call = {"at": self.at, "type": kind}
        if name is not None:
            call["event" if kind == "track" else "name"] = name
        if self.user_id:
            call["userId"] = self.user_id
        call["anonymousId"] = self.anonymous_id
        call.update(fields)
        call["context"] = self.surroundings()
        self.evening.calls.append(call)

    def track(self, event, **properties):
        self.call("track", event, properties=properties)

    def surroundings(self):
        raise NotImplementedError

    def show(self, name, path, **properties):
        raise NotImplementedError

    def wait(self, minutes):
        self.at += round(minutes * MINUTE)

    # What people do in the shop

    def product(self, product, position=None, quantity=None):
        name, brand, category, variant, _ = PRODUCTS[product]
        out = {
            "product_id": product,
            "sku": f"{brand[:3].upper()}-{product[2:]}",
            "name": name,
            "brand": brand,
            "category": category,
            "variant": variant,
            "price": self.money.out(self.money.price(product)),
            "currency": self.money.currency,
        }
        if quantity is not None:
            out["quantity"] = quantity
        if position is not None:
            out["position"] = position
        return out

    def browse(self, category):
        self.show(category, f"/c/{category.lower()}", category="Catalogue")
        listed = [p for p in PRODUCTS if PRODUCTS[p][2] == category]
        self.track(
            "Product List Viewed",
            list_id=f"list-{category.lower()}",
            category=category,
            products=[
                {"product_id": p, "name": PRODUCTS[p][0], "price": self.money.out(self.money.price(p)), "position": i}
                for i, p in enumerate(listed, 1)
            ],
        )

    def search(self, query):
        self.track("Products Searched", query=query)

    def look(self, product, position=1):
        self.track("Product Clicked", list_id=f"list-{PRODUCTS[product][2].lower()}", **self.product(product, position))
        self.show(PRODUCTS[product][0], f"/p/{product}", category="Product")
        self.track("Product Viewed", url=f"{SHOP}/p/{product}", **self.product(product))
        self.wait(self.evening.rng.random() * 1.5)

    def add(self, product, quantity=1):
        self.cart_id = self.cart_id or "cart-" + self.evening.uuid()[:8]
        self.cart[product] = self.cart.get(product, 0) + quantity
        self.track("Product Added", cart_id=self.cart_id, **self.product(product, quantity=quantity))

    def remove(self, product):
        quantity = self.cart.pop(product)
        self.track("Product Removed", cart_id=self.cart_id, **self.product(product, quantity=quantity))

    def wish(self, product):
        self.track("Product Added to Wishlist", wishlist_id=f"wish-{self.anonymous_id[:8]}", **self.product(product))

    def lines(self):
        return [self.product(p, i, quantity) for i, (p, quantity) in enumerate(self.cart.items(), 1)]

    def goods(self):
        return sum(self.money.price(p) * quantity for p, quantity in self.cart.items())

    def see_cart(self):
        self.show("Cart", "/cart", category="Checkout")
        self.track("Cart Viewed", cart_id=self.cart_id, products=self.lines())

    def deny_coupon(self, coupon, reason):
        self.track("Coupon Entered", cart_id=self.cart_id, coupon_id=coupon)
        self.track("Coupon Denied", cart_id=self.cart_id, coupon_id=coupon, reason=reason)

    def use_coupon(self, coupon, percent):
        self.track("Coupon Entered", cart_id=self.cart_id, coupon_id=coupon)
        self.coupon, self.discount = coupon, self.goods() * percent // 100
        self.track(
            "Coupon Applied",
            cart_id=self.cart_id,
            coupon_id=coupon,
            coupon_name=f"{percent} % off",
            discount=self.money.out(self.discount),
        )

    def sign_up(self, user_id, previous=False, **traits):
        """Becomes known. `previous` also sends the alias that old integrations rely on."""
        self.show("Sign up", "/account/new", category="Account")
        self.user_id, self.traits = user_id, traits
        if previous:
            self.call("alias", previousId=self.anonymous_id)
        self.call("identify", traits=traits)
        self.track("Signed Up", type="organic", username=traits["email"])

    def sign_in(self, user_id, **traits):
        self.show("Sign in", "/account", category="Account")
        self.user_id, self.traits = user_id, traits
        self.call("identify", traits=traits)
        self.track("Signed In", username=traits["email"])

    def check_out(self, pay="card", ship="parcel", until=4):
        """Up to step 4; earlier for those who leave."""
        checkout = "co-" + self.evening.uuid()[:8]
        goods = self.goods()
        self.show("Checkout", "/checkout", category="Checkout")
        self.track(
            "Checkout Started",
            checkout_id=checkout,
            value=self.money.out(goods - self.discount),
            currency=self.money.currency,
            **({"coupon": self.coupon} if self.coupon else {}),
            products=self.lines(),
        )
        for step, name in enumerate(["address", "shipping", "payment", "review"], 1):
            if step > until:
                return None
            about = {"checkout_id": checkout, "step": step, "step_name": name}
            if step >= 2:
                about["shipping_method"] = ship
            if step >= 3:
                about["payment_method"] = pay
            self.track("Checkout Step Viewed", **about)
            if step == until < 4:
                return None
            if step == 3:
                self.track("Payment Info Entered", **about)
            self.track("Checkout Step Completed", **about)
        return self.order(checkout)

    def order(self, checkout):
        self.evening.orders += 1
        order_id = f"order-{self.evening.orders}"
        subtotal = self.goods() - self.discount
        shipping = 0 if subtotal >= self.money.of(100) else self.money.of(6)
        tax = round(subtotal * self.money.tax / 100)
        out = self.money.out
        self.track(
            "Order Completed",
            checkout_id=checkout,
            order_id=order_id,
            affiliation="Zeltplatz web" if "page" in self.surroundings() else "Zeltplatz app",
            subtotal=out(subtotal),
            discount=out(self.discount),
            shipping=out(shipping),
            tax=out(tax),
            revenue=out(subtotal),
            total=out(subtotal + shipping + tax),
            currency=self.money.currency,
            **({"coupon": self.coupon} if self.coupon else {}),
            products=self.lines(),
        )
        self.show("Thank you", "/thanks", category="Checkout")
        done = {"order_id": order_id, "total": out(subtotal + shipping + tax), "currency": self.money.currency}
        self.cart, self.cart_id, self.coupon, self.discount = {}, None, None, 0
        return done


class Browser(Visitor):
    """At a web page."""

    AGENTS = {
        "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
        "safari": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15",
        "chrome": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36",
    }

    def __init__(self, evening, start, locale, timezone, currency, ip, agent, referrer="", campaign=None):
        super().__init__(evening, start, locale, timezone, currency, ip)
        self.context["userAgent"] = self.AGENTS[agent]
        if campaign:
            source, medium, name = campaign
            self.context["campaign"] = {"source": source, "medium": medium, "name": name}
        self.referrer = referrer
        self.seen = {}

    def surroundings(self):
        return {**self.context, "page": self.seen}

    def show(self, name, path, **properties):
        category = properties.pop("category", None)
        campaign = self.context.get("campaign")
        search = f"?utm_source={campaign['source']}&utm_campaign={campaign['name']}" if campaign and not self.seen else ""
        seen = {"path": path, "referrer": self.referrer, "search": search, "title": f"{name} · Zeltplatz", "url": SHOP + path}
        self.seen, self.referrer = seen, SHOP + path
        more = {"category": category} if category else {}
        self.call("page", name, **more, properties={**seen, **properties})


class App(Visitor):
    """In the shop's app."""

    def __init__(self, evening, start, locale, timezone, currency, ip, device, os, carrier):
        super().__init__(evening, start, locale, timezone, currency, ip)
        maker, model, kind, width, height = device
        self.context.update(
            app={"name": "Zeltplatz", "version": "4.2.0", "build": "1187", "namespace": "com.example.zeltplatz"},
            device={"id": evening.uuid(), "manufacturer": maker, "model": model, "type": kind},
            os={"name": os[0], "version": os[1]},
            network={"carrier": carrier, "cellular": True, "wifi": False},
            screen={"width": width, "height": height},
        )

    def surroundings(self):
        return self.context

    def show(self, name, path, **properties):
        category = properties.pop("category", None)
        more = {"category": category} if category else {}
        self.call("screen", name, **more, properties=properties)

    def open(self, installed=False):
        about = {"version": "4.2.0", "build": "1187"}
        if installed:
            self.track("Application Installed", **about)
        self.track("Application Opened", from_background=not installed, **about)

    def close(self):
        self.track("Application Backgrounded")
