package io.headwater.analytics

import com.sun.net.httpserver.HttpServer
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.buildJsonObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.net.InetAddress
import java.net.InetSocketAddress

/**
 * The vectors that all languages share (`tests/vectors`), through the public API. Reading JSON is kotlinx.serialization's
 * affair here, so what must be refused is not asked of it; batches and the collector's vectors have no place in this API.
 */
class VectorTest {
    @Test
    fun `JSON passes unchanged`() {
        val (analytics, recorder) = recorded()
        // Deeper than an event may be; and bytes that are no text of a string.
        val cases = vectors("json/accept.json").filter { it["json"] != null && it["json"].text!!.length < 60 }
        assertTrue(cases.size > 20)
        for (case in cases) {
            analytics.track("v", buildJsonObject { put("value", Json.parseToJsonElement(case["json"].text!!)) })
        }
        assertEquals(
            cases.map { Json.parseToJsonElement(it["written"].text!!) },
            recorder.events.map { it["properties"]["value"] },
        )
    }

    @Test
    fun `every answer of a hub means what the table says`() {
        // Below 200 an answer is not the last one to its request.
        val statuses = vectors("engine/retry-table.json", "statuses").filter { it["status"].text!!.toInt() >= 200 }
        assertTrue(statuses.size > 20)
        val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
        try {
            var status = 0
            server.createContext("/") { exchange ->
                exchange.requestBody.readBytes()
                exchange.sendResponseHeaders(status, -1)
                exchange.close()
            }
            server.start()
            for (row in statuses) {
                status = row["status"].text!!.toInt()
                val analytics = Analytics(quiet { apiHost = "http://127.0.0.1:${server.address.port}/v1" })
                analytics.track("e")
                val report = analytics.flushBlocking()
                val expected = when (val verdict = row["verdict"].text) {
                    "delivered" -> listOf(1L, 0L, 0L)
                    "refused", "rejected" -> listOf(0L, 1L, 0L)
                    "retry" -> listOf(0L, 0L, 1L)
                    else -> error("the table says something new: $verdict")
                }
                assertEquals(expected, listOf(report.delivered, report.dropped, report.pending), "$status")
                analytics.shutdown(0)
            }
        } finally {
            server.stop(0)
        }
    }
}
