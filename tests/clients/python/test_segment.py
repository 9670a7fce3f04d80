"""segment-analytics-python against the collector."""

import unittest
from datetime import datetime, timedelta, timezone

from segment.analytics.client import Client
from segment.analytics.request import APIError, post

from collector import Collector, Link

TYPES = ["track", "identify", "page", "screen", "group", "alias"]
WORDS = ["Zelt & Söhne", "注文完了", "ορδερ", "מזרן", "👩🏽‍🚀 launch", 'a"b\\c\u0001\u2028d', "x" * 300]
# Our clock and the collector's are the same one; this much may pass between a call and its arrival.
SLACK = timedelta(seconds=60)


def make(n):
    """Call n: the method, its arguments, and the members that must be stored."""
    kind, word = TYPES[n % len(TYPES)], WORDS[n % len(WORDS)]
    inner = {
        "word": word,
        "n": n,
        "price": n / 100,
        "big": 9007199254740991,
        "small": -1e-7,
        "yes": n % 2 == 0,
        "nothing": None,
        "empty": {},
        "list": [1, "två", [3], {"four": 4}],
        "nested": {f"key {word}": {"deeper": word}},
    }
    integrations = {"All": False, "Google Analytics": {"clientId": str(n)}} if n % 4 == 0 else {"All": True}
    arguments = {"context": {"call": n, "locale": "sv-SE", "app": {"name": word}}, "integrations": integrations}
    kept = {"type": kind, "integrations": integrations}
    if n % 3 != 0 or kind == "alias":
        arguments["user_id"] = kept["userId"] = f"user-{n % 17}-é"
    if n % 3 != 1 and kind != "alias":
        arguments["anonymous_id"] = kept["anonymousId"] = f"visitor-{n}"
    if n % 2 == 0:
        # In Tokyo's time: another offset than the collector's.
        tokyo = timezone(timedelta(hours=9))
        arguments["timestamp"] = datetime(2024, 2, 29, 23, 59, 59, 7000, tokyo) + timedelta(hours=n)
    if n % 5 == 0:
        arguments["message_id"] = kept["messageId"] = f"own-id-{n}"
    if kind == "track":
        arguments["event"] = kept["event"] = f"Order Completed {word}"
    if kind in ("page", "screen"):
        arguments["name"] = kept["name"] = word
        arguments["category"] = kept["category"] = "Shop"
    if kind in ("track", "page", "screen"):
        arguments["properties"] = kept["properties"] = inner
    if kind in ("identify", "group"):
        arguments["traits"] = kept["traits"] = inner
    if kind == "group":
        arguments["group_id"] = kept["groupId"] = f"org-{n}"
    if kind == "alias":
        arguments["previous_id"] = kept["previousId"] = f"visitor-before-{n}"
    return kind, arguments, kept


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class SegmentPython(unittest.TestCase):
    def setUp(self):
        self.since = datetime.now(timezone.utc) - timedelta(milliseconds=1)
        self.collector = Collector()
        self.addCleanup(self.collector.stop)

    def link(self, *faults):
        link = Link(self.collector, faults)
        self.addCleanup(link.stop)
        return link

    def deliver(self, calls, host=None, **settings):
        """Makes the calls and waits until the SDK is through."""
        given_up = []
        client = Client(
            "segment-python",
            host=host or self.collector.url,
            on_error=lambda error, batch: given_up.append((error, len(batch))),
            upload_interval=0.1,
            **settings,
        )
        for kind, arguments, _ in calls:
            getattr(client, kind)(**arguments)
        client.shutdown()
        self.assertEqual(given_up, [])

    def assert_stored(self, calls):
        """Each call is stored exactly once, with the fields it was made with."""
        events = self.collector.events()
        by_call = {}
        for event in events:
            by_call.setdefault(event["context"]["call"], []).append(event)
        self.assertEqual(sorted(by_call), [arguments["context"]["call"] for _, arguments, _ in calls], "lost calls")
        self.assertEqual([n for n, stored in by_call.items() if len(stored) > 1], [], "calls stored twice")
        self.assertEqual(len({event["messageId"] for event in events}), len(events))
        self.maxDiff = None
        for _, arguments, kept in calls:
            [event] = by_call[arguments["context"]["call"]]
            self.assertEqual({name: event.get(name) for name in kept}, kept)
            for name, value in arguments["context"].items():
                self.assertEqual(event["context"][name], value)
            self.assertEqual(event["context"]["library"]["name"], "analytics-python")
            self.assert_times(event, arguments.get("timestamp"))

    def assert_times(self, event, given):
        names = ("originalTimestamp", "sentAt", "receivedAt", "timestamp")
        original, sent, received, timestamp = (instant(event[name]) for name in names)
        if given:
            self.assertEqual(original, given)
        else:
            self.assertTrue(self.since <= original <= received)
        self.assertTrue(self.since <= sent <= received, f"{sent} {received}")
        # The caller's time is kept to the letter; the hub reckons in milliseconds.
        millis = original.replace(microsecond=original.microsecond // 1000 * 1000)
        self.assertEqual(timestamp, received - (sent - millis))
        self.assertLess(abs(timestamp - original), SLACK)

    def every_call(self, gzip):
        calls = [make(n) for n in range(60)]
        link = self.link()
        self.deliver(calls, host=link.url, gzip=gzip, upload_size=7)
        self.assertGreater(len(link.requests), 5)
        encodings = {request["headers"].get("Content-Encoding") for request in link.requests}
        self.assertEqual(encodings, {"gzip" if gzip else None})
        self.assert_stored(calls)

    def test_every_call_of_all_six_types_is_stored_once_with_its_fields(self):
        self.every_call(gzip=False)

    def test_every_compressed_call_is_stored_once_with_its_fields(self):
        self.every_call(gzip=True)

    def test_large_batches_of_a_busy_server_arrive_whole(self):
        calls = [make(n) for n in range(1500)]
        self.deliver(calls, gzip=True, upload_size=500)
        self.assert_stored(calls)

    def test_the_call_waits_for_the_collector_in_sync_mode(self):
        calls = [make(n) for n in range(12)]
        client = Client("segment-python", host=self.collector.url, sync_mode=True)
        for count, (kind, arguments, _) in enumerate(calls, 1):
            getattr(client, kind)(**arguments)
            self.assertEqual(len(self.collector.events()), count, "stored when the call returns")
        self.assert_stored(calls)

    def test_a_refusal_is_read_as_one_with_its_code_and_message(self):
        with self.assertRaises(APIError) as refused:
            post("", host=self.collector.url, batch=[make(0)[1]])
        self.assertEqual((refused.exception.status, refused.exception.code), (401, "no_write_key"))
        self.assertIn("X-Write-Key", refused.exception.message)

    def try_again(self, fault, least):
        link = self.link(fault)
        calls = [make(n) for n in range(12)]
        self.deliver(calls, host=link.url, upload_size=12)
        self.assertEqual(len(link.requests), 2)
        self.assertGreaterEqual(link.requests[1]["at"] - link.requests[0]["at"], least)
        self.assert_stored(calls)

    def test_503_with_retry_after_is_tried_again_and_every_event_is_stored_once(self):
        self.try_again((503, 1), 0.95)

    def test_429_with_retry_after_is_tried_again_and_every_event_is_stored_once(self):
        self.try_again((429, 1), 0.95)

    def test_a_cut_connection_is_tried_again_and_every_event_is_stored_once(self):
        self.try_again("cut", 0)

    def test_an_answer_that_was_lost_is_tried_again_and_every_event_is_stored_once(self):
        self.try_again("lost answer", 0)


if __name__ == "__main__":
    unittest.main()
