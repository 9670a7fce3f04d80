#!/usr/bin/env python3
"""Writes shop-session.ndjson: one evening in a shop for tents and lamps, as its visitors' calls.

    python3 examples/make-session.py > examples/shop-session.ndjson

Nobody in it is real. The same evening comes out each time. The shape of a line is described in examples/README.md.
"""

import json
import sys

sys.dont_write_bytecode = True  # the checkout stays as it is

from session.visitor import PRODUCTS, App, Browser, Evening


def amelie(evening):
    """Comes from the newsletter, finds the lamp she came for, and a lantern."""
    v = Browser(evening, 3, "fr-FR", "Europe/Paris", "EUR", "192.0.2.10", "safari", "https://mail.example.com/",
                ("newsletter", "email", "nuits-d-automne"))
    v.show("Home", "/")
    v.track("Promotion Viewed", promotion_id="autumn", name="Nuits d’automne", creative="lanterns", position="hero")
    v.track("Promotion Clicked", promotion_id="autumn", name="Nuits d’automne", creative="lanterns", position="hero")
    v.browse("Light")
    v.look("p-301")
    v.add("p-301")
    v.look("p-302", 2)
    v.add("p-302", 2)
    v.sign_in("u-amelie", name="Amélie Dufour", email="amelie.dufour@example.com", plan="friend of the house")
    v.see_cart()
    v.use_coupon("AUTOMNE15", 15)
    v.check_out("card", "parcel")
    v.wait(40)
    v.show("Orders", "/account/orders", category="Account")


def juergen(evening):
    """Plans for weeks, compares, signs up under a new account, and goes for the family tent."""
    v = Browser(evening, 8, "de-DE", "Europe/Berlin", "EUR", "192.0.2.23", "firefox", "https://search.example.com/")
    v.show("Home", "/")
    v.search("familienzelt")
    v.browse("Tents")
    v.track("Product List Filtered", list_id="list-tents", category="Tents",
            filters=[{"type": "persons", "value": "4"}, {"type": "price", "value": "under-500"}],
            sorts=[{"type": "price", "value": "asc"}], products=[{"product_id": "p-102", "position": 1}])
    v.look("p-102")
    v.look("p-101", 2)
    v.wait(12)
    v.look("p-102")
    v.add("p-102")
    v.browse("Sleeping")
    v.look("p-202", 2)
    v.add("p-202", 4)
    v.sign_up("u-juergen", previous=True, name="Jürgen Weiß", email="juergen.weiss@example.com",
              address={"city": "Garmisch", "country": "DE", "postalCode": "82467"})
    v.see_cart()
    v.check_out("invoice", "freight")
    v.track("Product Shared", share_via="email", share_message="Schau mal, das Zelt für den Sommer!", recipient="oma@example.com",
            **v.product("p-102"))


def misaki(evening):
    """On the train home, with the app; pays in yen."""
    v = App(evening, 14, "ja-JP", "Asia/Tokyo", "JPY", "198.51.100.7", ("Apple", "iPhone17,1", "ios", 402, 874), ("iOS", "26.0"), "例示モバイル")
    v.open()
    v.show("ホーム", "/")
    v.search("ランタン")
    v.browse("Light")
    v.look("p-303", 3)
    v.add("p-303")
    v.browse("Sleeping")
    v.look("p-203", 3)
    v.wish("p-203")
    v.look("p-201")
    v.sign_in("u-misaki", name="佐藤 美咲", email="misaki.sato@example.com", address={"city": "大阪市", "country": "JP"})
    v.track("Wishlist Product Added to Cart", wishlist_id=f"wish-{v.anonymous_id[:8]}", cart_id=v.cart_id, **v.product("p-203"))
    v.cart["p-203"] = 1
    v.see_cart()
    v.check_out("konbini", "parcel")
    v.close()


def zoe(evening):
    """Starts in the app, finishes at the laptop: two anonymousIds, one userId."""
    v = App(evening, 21, "en-IE", "Europe/Dublin", "EUR", "203.0.113.4", ("Google", "Pixel 10", "android", 1080, 2424), ("Android", "16"), "Example Éireann")
    v.open(installed=True)
    v.show("Welcome", "/")
    v.sign_up("u-zoe", name="Zoë O’Brien", email="zoe.obrien@example.com", age=34)
    v.browse("Packs")
    v.look("p-501")
    v.wish("p-501")
    v.look("p-502", 2)
    v.add("p-502")
    v.close()
    w = Browser(evening, 95, "en-IE", "Europe/Dublin", "EUR", "203.0.113.4", "chrome")
    w.show("Home", "/")
    w.sign_in("u-zoe", name="Zoë O’Brien", email="zoe.obrien@example.com")
    w.cart_id, w.cart = v.cart_id, dict(v.cart)
    w.look("p-501")
    w.add("p-501")
    w.see_cart()
    w.check_out("card", "pick-up")
    w.track("Product Reviewed", product_id="p-502", review_id="rev-88", rating=5,
            review_body="Kept everything dry on Inishbofin. Even the crisps. 🌧️🏕️")


def oyvind(evening):
    """Fills a cart and leaves at the shipping costs, as people do."""
    v = Browser(evening, 30, "nb-NO", "Europe/Oslo", "NOK", "198.51.100.61", "chrome", "https://blog.example.com/hytteliv")
    v.show("Home", "/")
    v.browse("Kitchen")
    v.look("p-401")
    v.add("p-401")
    v.look("p-402", 2)
    v.add("p-402")
    v.look("p-403", 3)
    v.add("p-403", 6)
    v.see_cart()
    v.sign_in("u-oyvind", name="Øyvind Sæther", email="oyvind@example.com")
    v.check_out(until=2)
    v.wait(6)
    v.see_cart()
    v.remove("p-403")
    v.check_out(until=2)
    v.wait(55)
    v.context["campaign"] = {"source": "reminder", "medium": "email", "name": "your-cart"}
    v.seen, v.referrer = {}, "https://mail.example.com/"
    v.show("Cart", "/cart", category="Checkout")
    v.use_coupon("KOMTILBAKE", 10)
    v.add("p-403", 4)
    v.check_out("card", "parcel")


def lukasz(evening):
    """Buys for his company of mountain guides."""
    v = Browser(evening, 37, "pl-PL", "Europe/Warsaw", "PLN", "192.0.2.88", "firefox")
    v.show("Zeltplatz for business", "/business")
    v.sign_in("u-lukasz", name="Łukasz Wójcik", email="lukasz@przewodnicy.example.com", title="kierownik magazynu")
    v.call("group", groupId="org-karpaty", traits={"name": "Przewodnicy Karpat sp. z o.o.", "industry": "tourism", "employees": 24, "plan": "business"})
    v.context["groupId"] = "org-karpaty"
    for product, quantity in (("p-301", 12), ("p-502", 24), ("p-404", 12)):
        v.browse(PRODUCTS[product][2])
        v.look(product)
        v.add(product, quantity)
    v.see_cart()
    v.use_coupon("FIRMA10", 10)
    done = v.check_out("invoice", "freight")
    v.wait(5)
    v.track("Order Updated", order_id=done["order_id"], total=done["total"], currency=done["currency"], status="invoice address changed")
    v.track("Invite Sent", invitee_email="ania@przewodnicy.example.com", invitee_role="buyer")


def ania(evening):
    """Łukasz's colleague: takes his invitation, and looks after the coffee."""
    v = Browser(evening, 118, "pl-PL", "Europe/Warsaw", "PLN", "192.0.2.88", "safari", "https://mail.example.com/", ("invite", "email", "team"))
    v.show("Your invitation", "/business/invite", category="Account")
    v.sign_up("u-ania", name="Ania Żółkiewska", email="ania@przewodnicy.example.com", title="koordynatorka")
    v.call("group", groupId="org-karpaty", traits={"employees": 25})
    v.context["groupId"] = "org-karpaty"
    v.search("kawiarka")
    v.browse("Kitchen")
    v.look("p-402", 2)
    v.add("p-402", 2)
    v.look("p-403", 3)
    v.add("p-403", 25)
    v.browse("Light")
    v.look("p-303", 3)
    v.add("p-303", 2)
    v.see_cart()
    v.check_out("invoice", "freight")
    v.track("Product Shared", share_via="link", share_message="Łukasz, kawa uratowana", recipient="lukasz@przewodnicy.example.com", **v.product("p-402"))


def kofi(evening):
    """Equips a school; orders twice and cancels one."""
    v = Browser(evening, 44, "en-GB", "Africa/Accra", "USD", "203.0.113.140", "chrome", "", ("linkedin", "cpc", "schools-2026"))
    v.show("Zeltplatz for business", "/business")
    v.sign_up("u-kofi", name="Kofi Mensah", email="kofi.mensah@school.example.com", title="Trip coordinator")
    v.call("group", groupId="org-volta", traits={"name": "Volta School Trips", "industry": "education", "employees": 9, "plan": "trial"})
    v.context["groupId"] = "org-volta"
    v.track("Trial Started", trial_plan_name="business")
    v.browse("Tents")
    v.look("p-102")
    v.add("p-102", 6)
    v.browse("Sleeping")
    v.look("p-202", 2)
    v.add("p-202", 24)
    v.look("p-201")
    v.add("p-201", 24)
    v.see_cart()
    v.remove("p-201")
    done = v.check_out("invoice", "freight")
    v.wait(9)
    v.show("Orders", "/account/orders", category="Account")
    v.track("Order Cancelled", order_id=done["order_id"], total=done["total"], currency=done["currency"], reason="the headmaster wants blue ones")
    v.add("p-102", 5)
    v.add("p-202", 24)
    v.check_out("invoice", "freight")
    v.track("Account Added User", role="teacher")


def priya(evening):
    """Buys a present, first without a coupon that expired, then with one that works."""
    v = Browser(evening, 52, "en-GB", "Europe/London", "GBP", "198.51.100.200", "safari", "https://search.example.com/", ("search", "cpc", "gifts"))
    v.show("Gifts", "/c/gifts", category="Catalogue")
    v.look("p-601")
    v.add("p-601")
    v.browse("Kitchen")
    v.look("p-403", 3)
    v.add("p-403", 2)
    v.look("p-402", 2)
    v.wish("p-402")
    v.see_cart()
    v.deny_coupon("SUMMER20", "expired on 31 August")
    v.use_coupon("HELLO5", 5)
    v.sign_up("u-priya", name="Priya Raghunathan", email="priya.r@example.com", birthday="1991-11-02")
    v.check_out("wallet", "email")
    v.track("Cart Shared", share_via="message", share_message="shall we split the moka pot? ☕", recipient="sam@example.com",
            products=[{"product_id": "p-402"}])


def carlos(evening):
    """Reads more than he buys; refunds half of last week's order."""
    v = Browser(evening, 61, "es-MX", "America/Mexico_City", "USD", "192.0.2.199", "chrome")
    v.show("Inicio", "/")
    v.sign_in("u-carlos", name="Carlos Muñoz Íñiguez", email="carlos.munoz@example.com")
    v.show("Orders", "/account/orders", category="Account")
    v.track("Order Refunded", order_id="Z-20188", total=v.money.out(v.money.price("p-103")), currency="USD",
            products=[v.product("p-103", 1, 1)])
    for category, product in (("Tents", "p-101"), ("Light", "p-302"), ("Kitchen", "p-401"), ("Packs", "p-501")):
        v.browse(category)
        v.look(product)
    v.wish("p-501")
    v.track("Product Removed from Wishlist", wishlist_id=f"wish-{v.anonymous_id[:8]}", **v.product("p-501"))
    v.add("p-302")
    v.see_cart()
    v.check_out("card", "parcel")


def amina(evening):
    """From right to left; signs up at the end, the way an old integration does it."""
    v = App(evening, 70, "ar-MA", "Africa/Casablanca", "EUR", "203.0.113.77", ("Samsung", "SM-S931B", "android", 1080, 2340), ("Android", "16"), "مثال تيليكوم")
    v.open()
    v.show("الرئيسية", "/")
    v.browse("Kitchen")
    v.look("p-403", 3)
    v.add("p-403", 2)
    v.search("فانوس")
    v.browse("Light")
    v.look("p-302", 2)
    v.add("p-302")
    v.sign_up("u-amina", previous=True, name="أمينة الفاسي", email="amina@example.com", address={"city": "فاس", "country": "MA"})
    v.see_cart()
    v.check_out("cash on delivery", "parcel")
    v.close()


def passers_by(evening):
    """Two who never say who they are."""
    v = Browser(evening, 77, "sv-SE", "Europe/Stockholm", "EUR", "198.51.100.99", "firefox", "https://social.example.com/", ("social", "paid", "höstkväll"))
    v.show("Home", "/")
    v.track("Promotion Viewed", promotion_id="autumn", name="Höstkvällar", creative="tent by the lake", position="hero")
    v.browse("Tents")
    v.look("p-101")
    w = Browser(evening, 88, "zh-TW", "Asia/Taipei", "USD", "192.0.2.41", "safari", "https://search.example.com/")
    w.show("Home", "/")
    w.search("登山背包")
    w.browse("Packs")
    w.look("p-501")
    w.add("p-501")
    w.see_cart()
    w.wait(18)
    w.look("p-502", 2)
    w.remove("p-501")


def main():
    evening = Evening(seed=1830)
    for person in (amelie, juergen, misaki, zoe, oyvind, lukasz, ania, kofi, priya, carlos, amina, passers_by):
        person(evening)
    calls = sorted(evening.calls, key=lambda call: call["at"])
    evening.number_orders(calls)
    first = calls[0]["at"]
    for call in calls:
        head = f'{{"at": {call.pop("at") - first:>8}, '
        body = json.dumps(call, ensure_ascii=False, separators=(", ", ": "))
        sys.stdout.write(head + body[1:] + "\n")


if __name__ == "__main__":
    main()
