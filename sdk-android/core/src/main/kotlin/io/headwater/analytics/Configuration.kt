package io.headwater.analytics

import java.io.File
import java.net.HttpURLConnection
import java.net.Proxy

/** Whose identity events carry. */
public enum class Mode {
    /** One user at a time: an app. The SDK keeps who it is. */
    Device,

    /** Many users: a server. Each event names its own, see [Analytics.forUser]. */
    Server,
}

/** How safe an event is when a call returns. */
public enum class Durability {
    /** It survives the process's end and crash; a power cut takes at most the last 250 ms. */
    Buffered,

    /** It is on the disk: each call waits for it. */
    Sync,

    /** In memory only. */
    Memory,
}

/** What becomes of NaN and infinities, which JSON does not have. */
public enum class NonConformingNumbers {
    Zero,
    Null,

    /** The call is not made, and the error handler told. */
    Fail,
}

/** Consent, where the app asks for it. */
public class ConsentConfiguration @JvmOverloads constructor(
    public val model: Model,
    public val categories: List<String>,
    public val hold: Hold = Hold.Persist,
) {
    public enum class Model {
        /** Nothing leaves before a category is granted. */
        OptIn,

        /** Everything counts as granted until it is denied. */
        OptOut,
    }

    public enum class Hold {
        /** Events wait on the disk for the decision. */
        Persist,

        /** In memory only, at most 1,000: nothing is written about a user who has not agreed. */
        Memory,
    }
}

/** When to try again; `null` keeps the default. */
public class RetryPolicy {
    /** The first wait, milliseconds: 500 (100 to 60,000). */
    public var base: Long? = null

    /** The longest wait, milliseconds: 60,000. */
    public var longest: Long? = null

    /** Tries after the first before a batch is dropped and reported; by default the storage's limits decide. */
    public var maxRetries: Int? = null

    /** The same for tries that the server timed by `Retry-After`. */
    public var maxRateLimited: Int? = null

    /** Milliseconds after the first failure before a batch is dropped and reported. */
    public var maxTotal: Long? = null
}

/** Makes the device's id, where a UUID does not do. */
public fun interface AnonymousIdGenerator {
    public fun newAnonymousId(): String
}

/** Has the last word on each connection before it is made. */
public fun interface ConnectionHandler {
    public fun prepare(connection: HttpURLConnection)
}

/** Sets up a [Configuration]. */
public fun interface Configure {
    public fun configure(configuration: Configuration)
}

/**
 * What an [Analytics] is told once. Every setting has a default but the write key; `null` keeps the engine's.
 *
 * Set it in the lambda of [Analytics]; a change later has no effect.
 */
public class Configuration(public val writeKey: String) {
    /**
     * Where events go: host and path, with or without a scheme (https is meant, on the loopback http). They are posted to `/b`
     * under it, in server mode to `/batch`; a host without a path means its `/v1`. Segment's own API is `api.segment.io/v1`.
     *
     * There is no default. Without it the settings document of [cdnHost] says where; without both, events wait in the queue.
     */
    public var apiHost: String? = null

    /**
     * Where the settings document is: a prefix as [apiHost] is, to which `/projects/{writeKey}/settings` is added. Default
     * that of [apiHost]; without both nothing is fetched. Segment's own is `cdn-settings.segment.com/v1`.
     *
     * Without an [apiHost] the document names the host (`integrations["Segment.io"].apiHost`), and events wait for it; where it
     * cannot be had, or names none, they go to `/v1` of this host.
     */
    public var cdnHost: String? = null

    /** Sends once so many events wait. Default 20. */
    public var flushAt: Int? = null

    /** Sends so long after the first event that waits, seconds. Default 30. */
    public var flushInterval: Int? = null

    /** The same in milliseconds; goes before [flushInterval]. */
    public var flushIntervalInMillis: Long? = null

    /** Sends once so many bytes wait. Default 250,000. */
    public var flushBytes: Long? = null

    /** Instead of the three above: reasons to send, also your own. */
    public var flushPolicies: List<FlushPolicy> = emptyList()

    /** The most events in one request. Default and at most 2,500. */
    public var maxBatchEvents: Int? = null

    /** Whether bodies are compressed. Default true. */
    public var gzip: Boolean? = null

    /** Whether the write key goes in an `Authorization` header as well as in the body. Default true. */
    public var basicAuth: Boolean? = null

    /** Sent with each batch. */
    public var headers: Map<String, String> = emptyMap()

    /** How long one request may take in all, milliseconds. Default 30,000. */
    public var requestTimeout: Long? = null

    /** When to try again. */
    public var retry: RetryPolicy = RetryPolicy()

    /** The most events that may wait. Default 500,000. Over a limit the oldest go, with a report. */
    public var maxEvents: Long? = null

    /** The most bytes that may wait. Default 256 MiB. */
    public var maxBytes: Long? = null

    /** How long an event may wait, milliseconds. Default 30 days. */
    public var maxAge: Long? = null

    /** The settings document while none was ever fetched. */
    public var defaultSettings: Settings? = null

    /** Whether the settings document is fetched; no event waits for it. Default true, for servers false. */
    public var fetchSettings: Boolean? = null

    /** Whether the settings document may move the uploads. Default: only where no [apiHost] is set; then it always may. */
    public var followApiHost: Boolean? = null

    /** Whether events go to the hub. Otherwise to device-mode destinations only. */
    public var autoAddSegmentDestination: Boolean = true

    /** Whose identity events carry. */
    public var mode: Mode = Mode.Device

    /** How safe an event is when a call returns. */
    public var durability: Durability = Durability.Buffered

    /**
     * The folder of this source, used as it is. Default: one for each write key in the app's own storage on Android, in
     * `~/.headwater` elsewhere.
     */
    public var storageDirectory: File? = null

    /** Makes the device's id at the first start and after a reset. Default a UUID. */
    public var anonymousIdGenerator: AnonymousIdGenerator? = null

    /** Asks for the user's consent: what is configured here, [Analytics.setConsent] decides. */
    public var consent: ConsentConfiguration? = null

    /** Sessions that end when no event came for so long, milliseconds. Default: none. */
    public var sessionTimeout: Long? = null

    /** `context.userAgent`. */
    public var userAgent: String? = null

    /** Whether device, app, screen and network go into the context. */
    public var automaticContext: Boolean = true

    /** The hardware's id instead of the `anonymousId` as `context.device.id` (Android). */
    public var collectDeviceId: Boolean = false

    /** Whether the app's own events are tracked (Android). */
    public var trackApplicationLifecycleEvents: Boolean = true

    /** Whether the addresses that open the app are tracked (Android). */
    public var trackDeepLinks: Boolean = true

    /** Whether activities are tracked as screens (Android). */
    public var trackActivities: Boolean = false

    /** Whether what another SDK left on the device is taken over, once. */
    public var migrate: Boolean = true

    /** What becomes of NaN and infinities. */
    public var nonConformingNumbers: NonConformingNumbers = NonConformingNumbers.Zero

    /** The proxy. Default the system's. */
    public var proxy: Proxy? = null

    internal var connectionHandler: ConnectionHandler? = null
    internal var errorHandler: ErrorHandler? = null
    internal var reportHandler: ReportHandler? = null
    internal var diagnosticHandler: DiagnosticHandler? = null

    /** Has the last word on each connection, such as to pin certificates. On the thread that carries the request out. */
    public fun onConnection(handler: ConnectionHandler) {
        connectionHandler = handler
    }

    /**
     * Hears of calls that cannot be events, of storage that cannot be used, and of what plugins throw. On the thread that
     * called.
     */
    public fun onError(handler: ErrorHandler) {
        errorHandler = handler
    }

    /** Hears of all events that will never be delivered, with the reason. On a thread of the SDK. */
    public fun onReport(handler: ReportHandler) {
        reportHandler = handler
    }

    /** Hears of what is worth knowing and costs no event. On the thread of [onReport]. */
    public fun onDiagnostic(handler: DiagnosticHandler) {
        diagnosticHandler = handler
    }
}
