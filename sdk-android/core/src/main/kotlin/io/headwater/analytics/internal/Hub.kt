package io.headwater.analytics.internal

import io.headwater.analytics.Analytics
import io.headwater.analytics.Configuration
import io.headwater.analytics.Diagnostic
import io.headwater.analytics.DropReport
import io.headwater.analytics.Durability
import io.headwater.analytics.platform.HeadwaterPlatform
import io.headwater.analytics.platform.Host
import uniffi.headwater.Change
import uniffi.headwater.Client
import uniffi.headwater.Listener
import uniffi.headwater.Platform
import uniffi.headwater.Tried
import java.io.File
import java.lang.ref.WeakReference
import java.util.logging.Logger

/** One source's native client, shared by all [Analytics] of this process on the same folder. */
@OptIn(HeadwaterPlatform::class)
internal class Hub private constructor(configuration: Configuration, host: Host, wanted: File?) {
    /** `null` when the configuration cannot work. */
    val client: Client?

    /** [client]'s shortest way. */
    val straight: Straight?

    /** `null` in memory mode. */
    val folder: File?

    /** Why the storage that was asked for could not be used. */
    val problem: Throwable?
    private val ears = Ears()

    init {
        val binding = configuration.binding(host)
        val transport = HttpTransport(configuration)
        val platform = DevicePlatform(configuration, host)
        fun build(directory: File?): Client {
            binding.directory = directory?.path
            if (directory == null) binding.durability = uniffi.headwater.Durability.MEMORY
            return Client(binding, transport, platform, ears)
        }
        var built: Client? = null
        var why: Throwable? = null
        if (wanted != null) {
            try {
                built = build(File(wanted, "queue"))
            } catch (error: Exception) {
                why = exception(error)
            } catch (error: LinkageError) {
                why = exception(error)
            }
        }
        folder = wanted.takeIf { built != null }
        if (built == null && why !is LinkageError) {
            try {
                built = build(null)
            } catch (error: Exception) {
                why = exception(error)
            } catch (error: LinkageError) {
                why = exception(error)
            }
        }
        client = built
        straight = built?.let(::Straight)
        problem = why
    }

    fun attach(analytics: Analytics) = ears.attach(analytics)

    /** It is about to be closed: the next [Analytics] on this folder gets another one. */
    fun retire() {
        synchronized(open) { open.values.removeAll { it.get() === this } }
    }

    companion object {
        private val open = HashMap<String, WeakReference<Hub>>()

        /** The one on this configuration's folder, or a new one. */
        fun of(configuration: Configuration, host: Host): Hub {
            if (configuration.durability == Durability.Memory) return Hub(configuration, host, null)
            val folder = (configuration.storageDirectory ?: File(host.folder(), name(configuration.writeKey))).absoluteFile
            synchronized(open) {
                open[folder.path]?.get()?.let { return it }
                open.values.removeAll { it.get() == null }
                return Hub(configuration, host, folder).also { open[folder.path] = WeakReference(it) }
            }
        }

        /**
         * The write key as a file's name. One that files cannot have as it is, or that differs from another by its case
         * alone, has its hash (FNV-1a, 64 bits) added: no two sources share a queue.
         */
        fun name(writeKey: String): String {
            val safe = writeKey.map { if (it in 'a'..'z' || it in 'A'..'Z' || it in '0'..'9' || it == '-') it else '_' }
            if (writeKey.isNotEmpty() && writeKey.all { it in 'a'..'z' || it in '0'..'9' || it == '-' }) return writeKey
            var hash = -0x340d631b7bdddcdbL
            for (byte in writeKey.toByteArray()) hash = (hash xor (byte.toLong() and 0xff)) * 0x100000001b3L
            return safe.take(64).joinToString("") + "-" + java.lang.Long.toHexString(hash)
        }
    }
}

/** Diagnostics kept for the first that can hear them: more than a start ever says. */
private const val EARLY = 32
private const val NO_HOST =
    "No host is named, so events wait in the queue. Write apiHost = \"hub.example/v1\" in the configuration " +
        "(Segment's own API is \"api.segment.io/v1\")."

/** Hands what the client tells to every [Analytics] on it. */
private class Ears : Listener {
    private val all = CopyOnWrite<WeakReference<Analytics>>()

    /** What the client said before anybody was attached; it speaks from its start on. */
    private var early: MutableList<uniffi.headwater.Diagnostic>? = ArrayList()

    fun attach(analytics: Analytics) {
        all.remove { it.get() == null }
        val missed = synchronized(this) {
            all.add(WeakReference(analytics))
            early.also { early = null }.orEmpty()
        }
        if (missed.isNotEmpty()) callbackThread.execute { missed.forEach(::say) }
    }

    private val alive: List<Analytics> get() = all.all.mapNotNull { it.get() }

    /** What one handler throws is told to the error handler beside it, and keeps it from nobody else. */
    private inline fun tell(say: (Analytics) -> Unit) {
        for (analytics in alive) analytics.guarded { say(analytics) }
    }

    /** Whoever has the plugins that the event must pass runs them. */
    override fun onTry(event: String, guards: List<String>): Tried {
        val analytics = alive.firstOrNull { one -> one.timeline.guards.containsAll(guards) } ?: alive.firstOrNull()
        return analytics?.tryAgain(event, guards) ?: Tried.Failed(guards.firstOrNull().orEmpty(), "it is not there")
    }

    override fun onReport(report: uniffi.headwater.DropReport) = tell {
        val handler = it.configuration.reportHandler ?: return@tell
        handler.onReport(
            DropReport(
                report.reason, report.count.toLong(), report.messageId, report.status?.toInt(), report.destination,
                report.detail,
            ),
        )
    }

    override fun onDiagnostic(diagnostic: uniffi.headwater.Diagnostic) {
        if (diagnostic.kind == "no_endpoint") Logger.getLogger("io.headwater.analytics").severe(NO_HOST)
        val kept = synchronized(this) { early?.let { if (it.size < EARLY) it += diagnostic } }
        if (kept == null) say(diagnostic)
    }

    private fun say(diagnostic: uniffi.headwater.Diagnostic) = tell {
        val handler = it.configuration.diagnosticHandler ?: return@tell
        handler.onDiagnostic(
            Diagnostic(
                diagnostic.kind, diagnostic.events?.toLong(), diagnostic.status?.toInt(), diagnostic.retryInMs?.toLong(),
                diagnostic.detail,
            ),
        )
    }

    override fun onChange(change: Change) = tell {
        when (change) {
            Change.IDENTITY -> it.users.changed(it)
            Change.SETTINGS -> it.settingsChanged()
        }
    }
}

/** The host, as the client knows platforms. */
@OptIn(HeadwaterPlatform::class)
private class DevicePlatform(private val configuration: Configuration, private val host: Host) : Platform {
    override fun context(): String =
        json(if (configuration.automaticContext) host.context(configuration) else null)

    override fun online(): Boolean? = host.online()
}
