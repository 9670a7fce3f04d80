package io.headwater.analytics

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.Proxy
import java.net.ProxySelector
import java.net.SocketAddress
import java.net.URI
import java.util.concurrent.CopyOnWriteArrayList
import java.util.logging.Handler
import java.util.logging.LogRecord
import java.util.logging.Logger

/** Where events go: nowhere that the app did not name. */
class HostTest {
    /** What is asked for while `run` runs, by anybody in this JVM: every connection asks the selector first. */
    private fun asked(run: () -> Unit): List<URI> {
        val seen = CopyOnWriteArrayList<URI>()
        val usual = ProxySelector.getDefault()
        ProxySelector.setDefault(object : ProxySelector() {
            override fun select(uri: URI): List<Proxy> {
                seen += uri
                return listOf(Proxy.NO_PROXY)
            }

            override fun connectFailed(uri: URI, address: SocketAddress, error: IOException) = Unit
        })
        try {
            run()
        } finally {
            ProxySelector.setDefault(usual)
        }
        return seen
    }

    private fun hub(answer: (HttpExchange) -> Pair<Int, String>): HttpServer {
        val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
        server.createContext("/") { exchange ->
            exchange.requestBody.readBytes()
            val (status, body) = answer(exchange)
            exchange.sendResponseHeaders(status, body.length.toLong().takeIf { it > 0 } ?: -1)
            exchange.responseBody.use { it.write(body.toByteArray()) }
        }
        server.start()
        return server
    }

    private fun client(configure: Configuration.() -> Unit) = Analytics(
        quiet {
            apiHost = null
            fetchSettings = null
            mode = Mode.Device
            configure()
        },
    )

    @Test
    fun `without a host nobody is asked, everything waits, and the log says which line to write`() {
        val lines = CopyOnWriteArrayList<String>()
        val log = Logger.getLogger("io.headwater.analytics")
        val listens = object : Handler() {
            override fun publish(record: LogRecord) {
                lines += record.message
            }

            override fun flush() = Unit
            override fun close() = Unit
        }
        log.addHandler(listens)
        try {
            val told = CopyOnWriteArrayList<String>()
            val requests = asked {
                val analytics = client { onDiagnostic { told += it.kind } }
                analytics.track("e")
                val report = analytics.flushBlocking()
                assertEquals(listOf(0L, 0L, 1L), listOf(report.delivered, report.dropped, report.pending))
                until { "no_endpoint" in told }
                analytics.shutdown(0)
            }
            assertEquals(emptyList<URI>(), requests)
            assertTrue(lines.any { "apiHost = \"hub.example/v1\"" in it }, lines.toString())
        } finally {
            log.removeHandler(listens)
        }
    }

    @Test
    fun `with a cdnHost alone the document names the host, and nothing is sent before`() {
        val sent = CopyOnWriteArrayList<String>()
        val server = hub { exchange ->
            sent += exchange.requestURI.path
            val port = exchange.localAddress.port
            val named = """{"integrations":{"Segment.io":{"apiHost":"127.0.0.1:$port/moved"}}}"""
            200 to if (exchange.requestMethod == "GET") named else ""
        }
        try {
            val requests = asked {
                val analytics = client { cdnHost = "127.0.0.1:${server.address.port}/cdn" }
                analytics.track("e")
                assertEquals(1, analytics.flushBlocking().delivered)
                analytics.shutdown(0)
            }
            assertEquals(listOf("/cdn/projects/key/settings", "/moved/b"), sent.toList())
            assertEquals(setOf("127.0.0.1:${server.address.port}"), requests.map { it.authority }.toSet())
        } finally {
            server.stop(0)
        }
    }

    @Test
    fun `a document that cannot be had leaves its own host, and an apiHost asks nobody else`() {
        val sent = CopyOnWriteArrayList<String>()
        val server = hub { exchange ->
            sent += exchange.requestURI.path
            (if (exchange.requestMethod == "GET") 404 else 200) to ""
        }
        try {
            val here = "127.0.0.1:${server.address.port}"
            val requests = asked {
                for (configure in listOf<Configuration.() -> Unit>({ cdnHost = here }, { apiHost = "$here/segment" })) {
                    val analytics = client(configure)
                    analytics.track("e")
                    assertEquals(1, analytics.flushBlocking().delivered)
                    analytics.shutdown(0)
                }
            }
            assertTrue("/v1/b" in sent && "/segment/b" in sent, sent.toString())
            assertEquals(setOf(here), requests.map { it.authority }.toSet())
        } finally {
            server.stop(0)
        }
    }
}
