package io.headwater.analytics.coroutines

import io.headwater.analytics.Analytics
import io.headwater.analytics.Durability
import io.headwater.analytics.Settings
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Test

class SuspendingTest {
    private fun quiet(known: Settings? = null) = Analytics("key") {
        apiHost = "http://127.0.0.1:9"
        fetchSettings = false
        defaultSettings = known
        durability = Durability.Memory
        migrate = false
    }.apply { setOnline(false) }

    private fun <T> soon(act: suspend () -> T): T = runBlocking { withTimeout(30_000) { act() } }

    @Test
    fun `a flush is awaited and says what waits`() {
        val analytics = quiet()
        analytics.track("e")
        val report = soon { analytics.flushAndWait() }
        assertEquals(1, report.pending)
        assertNotNull(report.waitingFor)
        // Memory does not outlive the client.
        assertEquals(1, soon { analytics.shutdownAndWait(0) }.dropped)
    }

    @Test
    fun `settings and user are there when they are there`() {
        val analytics = quiet(Settings.of("key"))
        assertEquals(Settings.of("key"), soon { analytics.settingsAsync() })
        analytics.identify("u1")
        assertEquals("u1", soon { analytics.userInfoFlow().first { it.userId != null } }.userId)
        analytics.shutdown(0)
    }
}
