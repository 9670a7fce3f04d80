package io.headwater.analytics

import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.Date
import java.util.concurrent.CopyOnWriteArrayList

class CallTest {
    @Serializable
    data class Order(val id: String, val total: Double, val items: List<String> = listOf("hat"))

    @Test
    fun `each call is the event of the spec`() {
        val (analytics, recorder) = recorded()
        analytics.track("Order Completed", buildJsonObject { put("total", 27.5) })
        analytics.identify("u1", mapOf("plan" to "pro"))
        analytics.screen("Cart", buildJsonObject { put("items", 2) }, "Shop")
        analytics.group("g1", mapOf("seats" to 5))
        analytics.alias("u2")
        analytics.process(PageEvent("Home"))
        val events = recorder.events
        assertEquals(listOf("track", "identify", "screen", "group", "alias", "page"), events.map { it["type"].text })
        assertEquals("27.5", events[0]["properties"]["total"].text)
        assertEquals("u1", events[1]["userId"].text)
        assertEquals("pro", events[1]["traits"]["plan"].text)
        assertEquals(listOf("Cart", "Shop"), listOf(events[2]["name"].text, events[2]["category"].text))
        assertEquals(listOf("g1", "5"), listOf(events[3]["groupId"].text, events[3]["traits"]["seats"].text))
        assertEquals(listOf("u2", "u1"), listOf(events[4]["userId"].text, events[4]["previousId"].text))
        assertTrue(events.all { it["messageId"].text!!.isNotEmpty() && it["anonymousId"].text!!.isNotEmpty() })
        assertEquals("headwater-kotlin", events[0]["context"]["library"]["name"].text)
    }

    @Test
    fun `properties are JSON, maps or serializable types`() {
        val (analytics, recorder) = recorded()
        analytics.track("json", buildJsonObject { put("id", "a") })
        analytics.track("typed", Order("a", 27.5))
        analytics.track("named", Order("a", 27.5), Order.serializer())
        analytics.track(
            "map",
            mapOf("id" to "a", "n" to null, "at" to Date(0), "list" to listOf(1, 2L, 2.5, true), "type" to EventType.track),
        )
        val properties = recorder.events.map { it["properties"].toString() }
        assertEquals("""{"id":"a"}""", properties[0])
        assertEquals("""{"id":"a","total":27.5,"items":["hat"]}""", properties[1])
        assertEquals(properties[1], properties[2])
        assertEquals("""{"id":"a","n":null,"at":"1970-01-01T00:00:00.000Z","list":[1,2,2.5,true],"type":"track"}""", properties[3])
    }

    @Test
    fun `numbers that JSON does not have become zero, null or an error`() {
        val errors = CopyOnWriteArrayList<Throwable>()
        val (zero, zeros) = recorded()
        zero.track("map", mapOf("n" to Double.NaN))
        zero.track("typed", Order("a", Double.POSITIVE_INFINITY))
        zero.track("json", buildJsonObject { put("n", Double.NEGATIVE_INFINITY) })
        assertEquals(listOf("0", "0", "0"), zeros.events.map { (it["properties"]["n"] ?: it["properties"]["total"]).text })
        val (none, nulls) = recorded { nonConformingNumbers = NonConformingNumbers.Null }
        none.track("map", mapOf("n" to Float.NaN))
        assertEquals("""{"n":null}""", nulls.events[0]["properties"].toString())
        val (fail, nothing) = recorded {
            nonConformingNumbers = NonConformingNumbers.Fail
            onError { errors += it }
        }
        fail.track("map", mapOf("n" to Double.NaN))
        assertEquals(0, nothing.events.size)
        assertEquals(AnalyticsException.Reason.Invalid, (errors.single() as AnalyticsException).reason)
    }

    @Test
    fun `what cannot be an event is told and costs nothing else`() {
        val errors = CopyOnWriteArrayList<AnalyticsException.Reason>()
        val (analytics, recorder) = recorded { onError { errors += (it as AnalyticsException).reason } }
        val circle = HashMap<String, Any>().also { it["me"] = it }
        analytics.track("")
        analytics.track("big", mapOf("text" to "x".repeat(40_000)))
        analytics.track("circle", circle)
        analytics.track("thread", mapOf("thread" to Thread.currentThread()))
        analytics.track("good")
        assertEquals(listOf("good"), recorder.names)
        val reason = AnalyticsException.Reason.Invalid
        assertEquals(listOf(reason, AnalyticsException.Reason.TooLarge, reason, reason), errors)
    }

    @Test
    fun `text of every kind arrives as it is`() {
        val (analytics, recorder) = recorded()
        val text = "é😀\u0000\u0001\n\t\"\\/\u2028 ok"
        analytics.track("map", mapOf("text" to text))
        analytics.track("json", buildJsonObject { put("text", text) })
        analytics.track("half", mapOf("text" to "\ud83d!"))
        assertEquals(listOf(text, text, "\ufffd!"), recorder.events.map { it["properties"]["text"].text })
    }

    @Test
    fun `an event made elsewhere keeps what it says of itself`() {
        val (analytics, recorder) = recorded()
        analytics.process(
            TrackEvent("replayed").apply {
                messageId = "m-1"
                timestamp = "2024-01-02T03:04:05.678Z"
                userId = "someone"
                context = buildJsonObject { put("own", true) }
            },
        )
        analytics.process(json("""{"type":"track","event":"raw","anonymousId":"a-1"}"""))
        val (made, raw) = recorder.events
        assertEquals("m-1", made["messageId"].text)
        assertEquals("2024-01-02T03:04:05.678Z", made["timestamp"].text)
        assertEquals("someone", made["userId"].text)
        assertEquals("true", made["context"]["own"].text)
        assertEquals("a-1", raw["anonymousId"].text)
    }

    @Test
    fun `the user is known, changes and is forgotten`() {
        val (analytics, recorder) = recorded()
        val first = analytics.anonymousId()
        analytics.identify("u1", mapOf("plan" to "pro"))
        analytics.identify(mapOf("name" to "Ada"))
        assertEquals("u1", analytics.userId())
        assertEquals(setOf("plan", "name"), analytics.traits()!!.keys)
        analytics.track("known")
        assertEquals("u1", recorder.events.last()["userId"].text)
        analytics.reset()
        assertNull(analytics.userId())
        assertNotEquals(first, analytics.anonymousId())
        assertEquals(0, analytics.traits()!!.size)
    }

    @Test
    fun `who asks hears of the user now and on each change`() {
        val (analytics, _) = recorded()
        val heard = CopyOnWriteArrayList<UserInfo>()
        val id = analytics.subscribeToUserInfo { heard += it }
        until { heard.isNotEmpty() }
        analytics.identify("u1")
        until { heard.last().userId == "u1" }
        analytics.unsubscribe(id)
        val count = heard.size
        analytics.identify("u2")
        analytics.shutdown(0)
        assertEquals(count, heard.size)
    }

    @Test
    fun `a disabled client takes no calls`() {
        val (analytics, recorder) = recorded()
        analytics.enabled = false
        analytics.track("no")
        analytics.enabled = true
        analytics.track("yes")
        assertEquals(listOf("yes"), recorder.names)
    }

    @Test
    fun `a deep link is tracked with its parameters and refers later events`() {
        val (analytics, recorder) = recorded()
        analytics.openUrl("app://open?utm_source=mail&q=a%20b#part", "com.mail")
        analytics.track("later")
        val (link, later) = recorder.events
        assertEquals("Deep Link Opened", link["event"].text)
        assertEquals("mail", link["properties"]["utm_source"].text)
        assertEquals("a b", link["properties"]["q"].text)
        assertEquals("com.mail", link["properties"]["referring_application"].text)
        assertEquals("app://open?utm_source=mail&q=a%20b#part", later["context"]["referrer"]["url"].text)
    }

    @Test
    fun `what waits is counted, and can be thrown away`() {
        val (analytics, _) = recorded()
        analytics.track("a")
        analytics.track("b")
        assertEquals(2, analytics.pendingEvents())
        assertTrue(analytics.hasUnsentEvents())
        analytics.purgeStorage()
        until { analytics.drops()["purged"] == 2L }
        assertEquals(0, analytics.pendingEvents())
    }

    @Test
    fun `events that a plugin holds back are thrown away with the rest`() {
        val (analytics, _) = recorded()
        val waits = object : WaitingPlugin {
            override lateinit var analytics: Analytics
            override val type = Plugin.Type.Enrichment
        }
        analytics.add(waits)
        analytics.track("a")
        analytics.purgeStorage()
        until { analytics.drops()["plugin"] == 1L }
        analytics.resumeEventProcessing(waits)
        assertEquals(0, analytics.pendingEvents())
    }

    @Test
    fun `no two write keys share a folder`() {
        val home = System.setProperty("user.home", place().path)
        try {
            fun folder(key: String) = Analytics(quiet(key) { durability = Durability.Buffered }).use {
                it.track("a")
                File(it.pendingUploads().first()).parentFile.parentFile.name
            }
            // Nor by their case alone, which some file systems do not see.
            val keys = listOf("a.b", "a_b", "A_b", "ab")
            assertEquals(keys.size, keys.map { folder(it).lowercase() }.toSet().size)
            assertEquals("ab", folder("ab"))
        } finally {
            System.setProperty("user.home", home)
        }
    }

    @Test
    fun `consent decides, and the decision can be asked for`() {
        val (analytics, _) = recorded {
            consent = ConsentConfiguration(ConsentConfiguration.Model.OptIn, listOf("ads", "stats"))
        }
        assertNull(analytics.consent())
        analytics.track("held")
        analytics.setConsent(mapOf("stats" to true))
        assertEquals(true, analytics.consent()!!["stats"])
        assertTrue(analytics.hasUnsentEvents())
    }

    @Test
    fun `an id generator of the app makes the device's id once`() {
        var made = 0
        val folder = place()
        fun start() = Analytics(
            quiet {
                durability = Durability.Buffered
                storageDirectory = folder
                anonymousIdGenerator = AnonymousIdGenerator { "mine-${++made}" }
            },
        )
        start().use { assertEquals("mine-1", it.anonymousId()) }
        start().use { analytics ->
            assertEquals("mine-1", analytics.anonymousId())
            analytics.reset()
            assertEquals("mine-2", analytics.anonymousId())
        }
    }

    @Test
    fun `a server's events name their user, and nobody is refused`() {
        val errors = CopyOnWriteArrayList<Throwable>()
        val (analytics, recorder) = recorded {
            mode = Mode.Server
            onError { errors += it }
        }
        analytics.track("nobody")
        analytics.process(TrackEvent("somebody").apply { userId = "u1" })
        assertEquals(listOf("somebody"), recorder.names)
        val user = analytics.forUser("u2", "a2")
        user.identify(mapOf("plan" to "pro"))
        user.track("bought", buildJsonObject { put("total", 27.5) })
        user.group("g1")
        val theirs = recorder.events.drop(1)
        assertEquals(listOf("identify", "track", "group"), theirs.map { it["type"].text })
        assertTrue(theirs.all { it["userId"].text == "u2" && it["anonymousId"].text == "a2" })
        assertEquals("27.5", theirs[1]["properties"]["total"].text)
        assertEquals(1, errors.size)
        assertEquals("", analytics.anonymousId())
    }

    @Test
    fun `a folder in use is told, and events are kept in memory`() {
        val folder = place()
        fun configured(onError: (Throwable) -> Unit) = quiet {
            durability = Durability.Buffered
            storageDirectory = folder
            onError { onError(it) }
        }
        // Another process.
        val errors = CopyOnWriteArrayList<Throwable>()
        Child.start(folder).use {
            val analytics = Analytics(configured { errors += it })
            assertEquals(AnalyticsException.Reason.DirectoryInUse, (errors.single() as AnalyticsException).reason)
            analytics.track("kept")
            assertEquals(1, analytics.pendingEvents())
            analytics.shutdown(0)
        }
    }
}
