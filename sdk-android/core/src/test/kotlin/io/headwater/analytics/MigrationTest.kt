package io.headwater.analytics

import io.headwater.analytics.internal.JvmHost
import io.headwater.analytics.platform.AppSignals
import io.headwater.analytics.platform.HeadwaterPlatform
import io.headwater.analytics.platform.Host
import io.headwater.analytics.platform.Migration
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

@OptIn(HeadwaterPlatform::class)
class MigrationTest {
    private class Leaving(private val base: File, private val leave: (Migration) -> Unit) : Host {
        override val libraryName = "test"
        var signals: AppSignals? = null

        override fun folder() = base

        override fun migrate(configuration: Configuration, into: Migration) = leave(into)

        override fun started(signals: AppSignals) {
            this.signals = signals
        }
    }

    private fun event(id: String, more: String = "") =
        """{"type":"track","messageId":"$id","event":"e \"{[$id","properties":{},"anonymousId":"old","context":{}$more}"""

    private val time = ""","timestamp":"2026-11-01T00:00:00.000Z""""

    private fun configuration() = quiet {
        durability = Durability.Buffered
        migrate = true
    }

    @Test
    fun `the user and the unsent events of another SDK are taken over, once`() {
        val old = place()
        File(old, "key-0").writeText("""{"batch":[${event("a", time)},${event("b", time)}],"sentAt":"x","writeKey":"key"}""")
        File(old, "key-1.tmp").writeText("""{"batch":[${event("c", time)},{"type":"track","mess""")
        File(old, "other-0").writeText("""{"batch":[${event("x", time)}]}""")
        var asked = 0
        val base = place()
        fun start() = Analytics.on(
            configuration(),
            Leaving(base) {
                asked++
                it.identity("old-id", "u1", json("""{"plan":"pro"}"""))
                it.analyticsKotlinFiles(old)
            },
        ).apply { setOnline(false) }
        start().use { analytics ->
            assertEquals(listOf("old-id", "u1"), listOf(analytics.anonymousId(), analytics.userId()))
            assertEquals("pro", analytics.traits()["plan"].text)
            assertEquals(3, analytics.pendingEvents())
            analytics.shutdown(0)
        }
        assertEquals(listOf("other-0"), old.list()!!.toList())
        start().use { assertEquals(3, it.pendingEvents()) }
        assertEquals(1, asked)
    }

    @Test
    fun `what analytics-kotlin keeps on a JVM is read as it lies there`() {
        val old = place()
        File(old, "analytics-kotlin-key.properties").writeText(
            "segment.anonymousId=old-id\nsegment.userId=u7\nsegment.traits={\"plan\"\\:\"pro\"}\n",
        )
        File(old, "events").mkdir()
        File(old, "events/key-0.tmp").writeText("""{"batch":[${event("a", time)},${event("b", time)}""")
        val analytics = Analytics.on(configuration(), Leaving(place()) { JvmHost.analyticsKotlin(old, "key", it) })
        analytics.setOnline(false)
        assertEquals(listOf("old-id", "u7"), listOf(analytics.anonymousId(), analytics.userId()))
        assertEquals("pro", analytics.traits()["plan"].text)
        assertEquals(2, analytics.pendingEvents())
        analytics.shutdown(0)
    }

    @Test
    fun `RudderStack's files are read with their own names and times`() {
        val old = place()
        File(old, "2").writeText("""{"batch":[${event("b", ""","originalTimestamp":"2026-11-01T00:00:00.000Z"""")}]}""")
        File(old, "10.tmp").writeText("""{"batch":[${event("c", time)}""")
        val analytics = Analytics.on(configuration(), Leaving(place()) { it.rudderFiles(old) })
        analytics.setOnline(false)
        assertEquals(2, analytics.pendingEvents())
        assertEquals(0, old.list()!!.size)
        analytics.shutdown(0)
    }

    @Test
    fun `a host is asked for its context and remembers small things`() {
        val base = place()
        val host = Leaving(base) {}
        val analytics = Analytics.on(configuration(), host)
        assertFalse(File(base, "key/app.json").readText().isEmpty())
        val signals = checkNotNull(host.signals)
        signals.remember("app", kotlinx.serialization.json.JsonPrimitive("1.0"))
        analytics.shutdown(0)
        val next = Leaving(base) {}
        Analytics.on(configuration(), next).use { assertEquals("1.0", next.signals!!.recall("app").text) }
        assertTrue(File(base, "key/queue").isDirectory)
    }
}
