import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.Executors
import java.util.zip.GZIPInputStream

/** Answers 200 to every batch at once and counts each event by its `messageId`; has a settings document for both. */
class Sink : AutoCloseable {
    private val threads = Executors.newFixedThreadPool(2)
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
    private val seen = ConcurrentHashMap.newKeySet<String>()

    val port: Int get() = server.address.port

    /** Different events of this name so far. */
    val events: Int get() = seen.size

    init {
        server.executor = threads
        server.createContext("/") { exchange -> exchange.use(::answer) }
        server.start()
    }

    fun forget() = seen.clear()

    /** How many came, once none came for ten seconds (or after a minute). */
    fun settled(expected: Int): Int {
        var (last, since) = events to System.nanoTime()
        val until = since + 60_000_000_000
        while (events < expected && System.nanoTime() < until) {
            Thread.sleep(20)
            if (events != last) {
                last = events
                since = System.nanoTime()
            } else if (System.nanoTime() - since > 10_000_000_000) {
                break
            }
        }
        return events
    }

    private fun answer(exchange: HttpExchange) {
        val gzip = exchange.requestHeaders.getFirst("Content-Encoding") == "gzip"
        val body = exchange.requestBody.let { if (gzip) GZIPInputStream(it) else it }.readBytes().decodeToString()
        for (event in ID.findAll(body)) seen += event.groupValues[1]
        val text = if (exchange.requestMethod == "GET") SETTINGS else "{\"success\":true}"
        exchange.responseHeaders.add("Content-Type", "application/json")
        exchange.sendResponseHeaders(200, text.length.toLong())
        exchange.responseBody.write(text.toByteArray())
    }

    override fun close() {
        server.stop(0)
        threads.shutdownNow()
    }

    private companion object {
        val ID = Regex(""""bench_id":"([^"]+)"""")
        const val SETTINGS = """{"integrations":{"Segment.io":{"apiKey":"bench"}},"plan":{},"edgeFunction":{}}"""
    }
}
