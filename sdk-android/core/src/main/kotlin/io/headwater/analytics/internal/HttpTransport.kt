package io.headwater.analytics.internal

import io.headwater.analytics.Configuration
import uniffi.headwater.Reply
import uniffi.headwater.Request
import uniffi.headwater.Transport
import java.io.ByteArrayOutputStream
import java.io.InputStream
import java.net.HttpRetryException
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.ConcurrentHashMap

/**
 * Requests by HttpURLConnection on two threads (an upload and a settings document), carried out as they are: no redirects, no
 * retries, no cache.
 */
internal class HttpTransport(configuration: Configuration) : Transport {
    private val proxy = configuration.proxy
    private val handler = configuration.connectionHandler
    private val threads = pool("headwater-http", 2)
    private val running = ConcurrentHashMap<ULong, Running>()

    private class Running {
        @Volatile var cancelled = false

        @Volatile var connection: HttpURLConnection? = null
    }

    override fun send(request: Request, reply: Reply) {
        val mine = Running()
        // A settings request and an upload may bear the same number; only uploads are cancelled.
        val cancellable = request.method == "POST"
        if (cancellable) running[request.id] = mine
        threads.execute {
            reply.use {
                try {
                    carryOut(request, reply, mine)
                } catch (_: Exception) {
                    reply.noAnswer()
                } finally {
                    if (cancellable) running.remove(request.id, mine)
                }
            }
        }
    }

    override fun cancel(id: ULong) {
        val request = running.remove(id) ?: return
        request.cancelled = true
        // Not on the engine's thread: closing a socket may wait.
        request.connection?.let { connection -> callbackThread.execute { connection.disconnect() } }
    }

    private fun carryOut(request: Request, reply: Reply, mine: Running) {
        val url = URL(request.url)
        val connection = (if (proxy == null) url.openConnection() else url.openConnection(proxy)) as HttpURLConnection
        mine.connection = connection
        val timeout = request.timeoutMs.coerceIn(1u, Int.MAX_VALUE.toULong()).toInt()
        connection.requestMethod = request.method
        connection.connectTimeout = timeout
        connection.readTimeout = timeout
        connection.instanceFollowRedirects = false
        connection.useCaches = false
        for (header in request.headers) connection.setRequestProperty(header.name, header.value)
        if (request.method == "POST") {
            connection.doOutput = true
            // Streamed, since a body that is kept is sent again behind our back when the connection breaks.
            connection.setFixedLengthStreamingMode(request.body.size)
        }
        handler?.prepare(connection)
        if (mine.cancelled) return
        if (request.method == "POST") connection.outputStream.use { it.write(request.body) }
        val status = try {
            connection.responseCode
        } catch (answer: HttpRetryException) {
            // It would have to be sent again with a password: the answer is the engine's to judge.
            answer.responseCode()
        }
        // -1 is what Java makes of a line that is none; a status that HTTP does not know is the engine's to judge, too.
        if (status !in 100..999) return reply.noAnswer()
        val limit = request.answerLimit.coerceAtMost(Int.MAX_VALUE.toULong()).toInt()
        val body = runCatching { if (status >= 400) connection.errorStream else connection.inputStream }.getOrNull()
        body.use {
            val bytes = if (limit > 0 && it != null) read(it, limit) else ByteArray(0)
            val (after, location) = listOf("Retry-After", "Location").map { name -> connection.getHeaderField(name) }
            reply.answer(status.toUShort(), after, location, bytes)
        }
    }

    private fun read(from: InputStream, limit: Int): ByteArray {
        val out = ByteArrayOutputStream()
        val buffer = ByteArray(8192)
        while (out.size() < limit) {
            val count = from.read(buffer, 0, minOf(buffer.size, limit - out.size()))
            if (count < 0) break
            out.write(buffer, 0, count)
        }
        return out.toByteArray()
    }
}
