package io.headwater.analytics

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

class EndToEndTest {
    private fun configuration(hub: Collector, folder: File) = Configuration("wk").apply {
        apiHost = hub.address
        storageDirectory = folder
        migrate = false
    }

    @Test
    fun `calls arrive in their order with their user`() {
        Collector().use { hub ->
            val analytics = Analytics(configuration(hub, place()))
            analytics.track("first", mapOf("n" to 1))
            analytics.identify("u1", mapOf("plan" to "pro"))
            analytics.screen("Cart")
            analytics.track("last", mapOf("text" to "é😀\n", "total" to 27.5))
            assertEquals(0, analytics.flushBlocking().pending)
            val events = hub.events()
            assertEquals(listOf("track", "identify", "screen", "track"), events.map { it["type"].text })
            assertEquals("é😀\n", events.last()["properties"]["text"].text)
            assertEquals("u1", events.last()["userId"].text)
            assertNull(events.first()["userId"].text)
            assertEquals(0, analytics.pendingEvents())
            analytics.shutdown()
        }
    }

    @Test
    fun `calls of 64 threads arrive once, each thread's in its order, with a plugin and without`() {
        for (withPlugin in listOf(false, true)) {
            Collector().use { hub ->
                val analytics = Analytics(configuration(hub, place()).apply { flushAt = 50 })
                if (withPlugin) analytics.add(Recorder(Plugin.Type.Enrichment))
                val threads = (0 until 64).map { number ->
                    thread { repeat(50) { analytics.track("e", mapOf("thread" to number, "n" to it)) } }
                }
                threads.forEach { it.join() }
                assertEquals(0, analytics.shutdown(60_000).pending)
                val events = hub.events()
                assertEquals(3_200, events.map { it["messageId"].text }.toSet().size)
                assertEquals(3_200, events.size)
                for ((_, mine) in events.groupBy { it["properties"]["thread"].text }) {
                    assertEquals((0 until 50).map { "$it" }, mine.map { it["properties"]["n"].text })
                }
            }
        }
    }

    @Test
    fun `what waits when the process is killed is sent by the next start`() {
        for (durability in listOf(Durability.Buffered, Durability.Sync)) {
            Collector().use { hub ->
                val folder = place()
                Child.start(folder, hub.address, 200, durability).close()
                val next = Analytics(configuration(hub, folder))
                next.track("e", mapOf("n" to 200))
                assertEquals(0, next.shutdown(30_000).pending)
                val events = hub.events()
                assertEquals((0..200).map { "$it" }, events.map { it["properties"]["n"].text })
                assertEquals(1, events.map { it["anonymousId"].text }.toSet().size)
            }
        }
    }

    @Test
    fun `a flush says what became of it`() {
        Collector().use { hub ->
            val analytics = Analytics(configuration(hub, place()))
            analytics.track("e")
            val done = CountDownLatch(1)
            var report: FlushReport? = null
            analytics.flush {
                report = it
                done.countDown()
            }
            assertTrue(done.await(60, TimeUnit.SECONDS))
            assertEquals(0, report!!.pending)
            assertEquals(1, hub.events().size)
            analytics.shutdown()
        }
    }

    @Test
    fun `two of one write key share a queue, and a new one opens after the shutdown`() {
        Collector().use { hub ->
            val folder = place()
            val first = Analytics(configuration(hub, folder))
            val second = Analytics(configuration(hub, folder))
            first.track("a")
            second.track("b")
            assertEquals(first.anonymousId(), second.anonymousId())
            assertEquals(0, first.shutdown(30_000).pending)
            Analytics(configuration(hub, folder)).use { it.track("c") }
            assertEquals(listOf("a", "b", "c"), hub.events().map { it["event"].text })
        }
    }
}
