package io.headwater.analytics

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.Proxy
import java.util.concurrent.CopyOnWriteArrayList

class TransportTest {
    /** Answers by a script, and keeps the addresses that were asked for. */
    private class Hub(private val answer: (HttpExchange) -> Int) : AutoCloseable {
        private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
        val asked = CopyOnWriteArrayList<String>()
        val headers = CopyOnWriteArrayList<String?>()
        val port = server.address.port

        init {
            server.createContext("/") { exchange ->
                exchange.requestBody.readBytes()
                asked += exchange.requestURI.toString()
                headers += exchange.requestHeaders.getFirst("X-Mine")
                exchange.sendResponseHeaders(answer(exchange), -1)
                exchange.close()
            }
            server.start()
        }

        override fun close() = server.stop(0)
    }

    private fun client(configure: Configuration.() -> Unit) = Analytics(quiet(configure))

    @Test
    fun `a redirect to another origin is not followed, is told, and costs no event`() {
        for (status in listOf(301, 302, 307, 308)) {
            Hub { exchange ->
                exchange.responseHeaders.add("Location", "http://localhost:${exchange.localAddress.port}/elsewhere")
                status
            }.use { hub ->
                val told = CopyOnWriteArrayList<String>()
                val analytics = client {
                    apiHost = "http://127.0.0.1:${hub.port}/v1"
                    onDiagnostic { if (it.kind == "redirected") told += it.detail }
                }
                analytics.track("e")
                val report = analytics.flushBlocking()
                assertEquals(listOf(0L, 0L, 1L), listOf(report.delivered, report.dropped, report.pending), "$status")
                until { told.isNotEmpty() }
                assertTrue("http://localhost:${hub.port}/elsewhere" in told.first(), told.first())
                assertTrue(hub.asked.isNotEmpty() && hub.asked.none { "elsewhere" in it })
                analytics.shutdown(0)
            }
        }
    }

    @Test
    fun `a 307 within the origin is followed once, and delivers`() {
        Hub { exchange ->
            exchange.responseHeaders.add("Location", "/v2/b")
            if (exchange.requestURI.path == "/v2/b") 200 else 307
        }.use { hub ->
            val analytics = client { apiHost = "http://127.0.0.1:${hub.port}/v1" }
            analytics.track("e")
            assertEquals(1, analytics.flushBlocking().delivered)
            assertEquals(listOf("/v1/b", "/v2/b"), hub.asked.toList())
            analytics.shutdown(0)
        }
    }

    @Test
    fun `a demand for a password is an answer`() {
        Hub { exchange ->
            exchange.responseHeaders.add("WWW-Authenticate", "Basic realm=\"hub\"")
            401
        }.use { hub ->
            val statuses = CopyOnWriteArrayList<Int?>()
            val analytics = client {
                apiHost = "http://127.0.0.1:${hub.port}/v1"
                onReport { statuses += it.status }
                onDiagnostic { statuses += it.status }
            }
            analytics.track("e")
            analytics.flush()
            until { statuses.isNotEmpty() }
            assertEquals(401, statuses.first())
            analytics.shutdown(0)
        }
    }

    @Test
    fun `requests go through the proxy, and the app has the last word on them`() {
        Hub { 200 }.use { hub ->
            val analytics = client {
                apiHost = "http://hub.example/v1"
                proxy = Proxy(Proxy.Type.HTTP, InetSocketAddress("127.0.0.1", hub.port))
                onConnection { it.setRequestProperty("X-Mine", "yes") }
            }
            analytics.track("e")
            assertEquals(1, analytics.flushBlocking().delivered)
            assertTrue(hub.asked.single().startsWith("http://hub.example/"))
            assertEquals("yes", hub.headers.single())
            analytics.shutdown(0)
        }
    }

    @Test
    fun `an answer that does not come in time is none, and the next try delivers`() {
        var first = true
        Hub {
            if (first) Thread.sleep(3_000)
            first = false
            200
        }.use { hub ->
            val analytics = client {
                apiHost = "http://127.0.0.1:${hub.port}/v1"
                requestTimeout = 1_000
                retry.base = 100
            }
            analytics.track("e")
            assertEquals(0, analytics.shutdown(30_000).pending)
            assertTrue(hub.asked.size >= 2)
        }
    }
}
