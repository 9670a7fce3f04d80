package io.headwater.analytics

import io.headwater.analytics.internal.CallText
import io.headwater.analytics.internal.CopyOnWrite
import io.headwater.analytics.internal.DestinationAdapter
import io.headwater.analytics.internal.Disk
import io.headwater.analytics.internal.Gate
import io.headwater.analytics.internal.Hub
import io.headwater.analytics.internal.JvmHost
import io.headwater.analytics.internal.Links
import io.headwater.analytics.internal.Memory
import io.headwater.analytics.internal.Payload
import io.headwater.analytics.internal.Pipeline
import io.headwater.analytics.internal.Users
import io.headwater.analytics.internal.VERSION
import io.headwater.analytics.internal.callbackThread
import io.headwater.analytics.internal.exception
import io.headwater.analytics.internal.json
import io.headwater.analytics.internal.parse
import io.headwater.analytics.internal.timed
import io.headwater.analytics.platform.AppSignals
import io.headwater.analytics.platform.AppState
import io.headwater.analytics.platform.HeadwaterPlatform
import io.headwater.analytics.platform.Host
import io.headwater.analytics.platform.Migration
import kotlinx.serialization.SerializationStrategy
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject
import kotlinx.serialization.serializer
import uniffi.headwater.DestinationInfo
import uniffi.headwater.FlushCallback
import java.io.File
import java.util.concurrent.Executor
import kotlin.reflect.KClass

/**
 * Customer data to your hub: calls are on the disk when they return, and arrive once, in order.
 *
 * ```kotlin
 * val analytics = Analytics("write key") { apiHost = "hub.example" }
 * analytics.identify("u1", buildJsonObject { put("plan", "pro") })
 * analytics.track("Order Completed", buildJsonObject { put("total", 27.5) })
 * ```
 * Usable from any thread; no call waits for the network. The calls of one thread keep their order. Two of one write key share
 * a queue. What cannot be an event is told to [Configuration.onError], and the call does nothing.
 */
@OptIn(HeadwaterPlatform::class)
public class Analytics private constructor(
    public val configuration: Configuration,
    private val host: Host,
) : AutoCloseable {
    public constructor(configuration: Configuration) : this(configuration, JvmHost())

    private val disk = object : Disk {
        override fun <T> run(work: () -> T): T = host.disk(work)
    }
    internal val timeline = Timeline()
    private val gate = Gate(host.opener)

    /** What the disk is touched for. */
    private class Opened(configuration: Configuration, host: Host, disk: Disk) {
        val hub = Hub.of(configuration, host)
        val memory = Memory(hub.folder, disk)
        val pipeline = Pipeline(hub.folder, disk)
    }

    @Volatile
    private lateinit var opened: Opened
    internal val hub: Hub get() = ready().hub
    internal val memory: Memory get() = ready().memory
    private val pipeline: Pipeline get() = ready().pipeline
    internal val users = Users()
    internal val policies = CopyOnWrite<FlushPolicy>()
    private val destinations = CopyOnWrite<DestinationAdapter>()
    private val signals = AppSignals(this)

    /** The engine keeps count and time: the two policies of its own look at no event. */
    private fun looks(policy: FlushPolicy) = policy !is CountBasedFlushPolicy && policy !is FrequencyFlushPolicy

    /** Whether calls are taken. Setting it to false ignores them; what waits is still sent. */
    @Volatile
    public var enabled: Boolean = true

    @Volatile
    private var sawSettings = false

    init {
        gate.open(::open, ::fail)
        host.started(signals)
    }

    private fun open() {
        opened = Opened(configuration, host, disk)
        hub.attach(this)
        hub.problem?.let(::fail)
        migrate()
        if (configuration.anonymousIdGenerator != null && memory["anonymousIdGenerated"] == null) generateAnonymousId()
        configuration.flushPolicies.forEach(::addFlushPolicy)
        pipeline.recover(this)
    }

    private fun ready(): Opened {
        gate.await()
        return opened
    }

    /** Runs this in the order of the calls: at once, but while the storage is being opened. */
    internal inline fun whenOpen(crossinline act: () -> Unit): Unit = gate.pass(act)

    private fun migrate() {
        if (!configuration.migrate || hub.folder == null || memory["migrated"] != null) return
        disk.run { host.migrate(configuration, Migration(hub, configuration.writeKey)) }
        memory["migrated"] = JsonPrimitive(true)
    }

    // The calls of the spec.

    /** Something happened. */
    @JvmOverloads
    public fun track(name: String, properties: JsonObject = emptyJsonObject, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("track").member("event", name).member("properties", payload(properties)) }

    /** Something happened. Values are what JSON has: strings, numbers, booleans, maps, lists; dates become ISO 8601. */
    @JvmOverloads
    public fun track(name: String, properties: Map<String, *>, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("track").member("event", name).member("properties", Payload.Plain(properties)) }

    public fun <T> track(
        name: String,
        properties: T,
        strategy: SerializationStrategy<T>,
        enrichment: EnrichmentClosure? = null,
    ): Unit = call(enrichment) {
        call("track").member("event", name).member("properties", Payload.Typed(properties, strategy))
    }

    public inline fun <reified T> track(name: String, properties: T, enrichment: EnrichmentClosure? = null): Unit =
        track(name, properties, serializer<T>(), enrichment)

    /** The user is known from now on. Traits are added to those that are known of the same user. */
    @JvmOverloads
    public fun identify(userId: String, traits: JsonObject = emptyJsonObject, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("identify").member("userId", userId).member("traits", payload(traits)) }

    @JvmOverloads
    public fun identify(userId: String, traits: Map<String, *>, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("identify").member("userId", userId).member("traits", Payload.Plain(traits)) }

    public fun <T> identify(
        userId: String,
        traits: T,
        strategy: SerializationStrategy<T>,
        enrichment: EnrichmentClosure? = null,
    ): Unit = call(enrichment) {
        call("identify").member("userId", userId).member("traits", Payload.Typed(traits, strategy))
    }

    public inline fun <reified T> identify(userId: String, traits: T, enrichment: EnrichmentClosure? = null): Unit =
        identify(userId, traits, serializer<T>(), enrichment)

    /** More is known of the current user. */
    @JvmOverloads
    public fun identify(traits: JsonObject, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("identify").member("traits", payload(traits)) }

    @JvmOverloads
    public fun identify(traits: Map<String, *>, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("identify").member("traits", Payload.Plain(traits)) }

    /** A screen was seen. */
    @JvmOverloads
    public fun screen(
        title: String,
        properties: JsonObject = emptyJsonObject,
        category: String = "",
        enrichment: EnrichmentClosure? = null,
    ): Unit = call(enrichment) {
        call("screen").member("name", title).member("category", category).member("properties", payload(properties))
    }

    @JvmOverloads
    public fun screen(
        title: String,
        properties: Map<String, *>,
        category: String = "",
        enrichment: EnrichmentClosure? = null,
    ): Unit = call(enrichment) {
        call("screen").member("name", title).member("category", category).member("properties", Payload.Plain(properties))
    }

    public fun <T> screen(
        title: String,
        properties: T,
        strategy: SerializationStrategy<T>,
        category: String = "",
        enrichment: EnrichmentClosure? = null,
    ): Unit = call(enrichment) {
        call("screen").member("name", title).member("category", category)
            .member("properties", Payload.Typed(properties, strategy))
    }

    public inline fun <reified T> screen(
        title: String,
        properties: T,
        category: String = "",
        enrichment: EnrichmentClosure? = null,
    ): Unit = screen(title, properties, serializer<T>(), category, enrichment)

    /** The user belongs to an account. */
    @JvmOverloads
    public fun group(groupId: String, traits: JsonObject = emptyJsonObject, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("group").member("groupId", groupId).member("traits", payload(traits)) }

    @JvmOverloads
    public fun group(groupId: String, traits: Map<String, *>, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("group").member("groupId", groupId).member("traits", Payload.Plain(traits)) }

    public fun <T> group(
        groupId: String,
        traits: T,
        strategy: SerializationStrategy<T>,
        enrichment: EnrichmentClosure? = null,
    ): Unit = call(enrichment) {
        call("group").member("groupId", groupId).member("traits", Payload.Typed(traits, strategy))
    }

    public inline fun <reified T> group(groupId: String, traits: T, enrichment: EnrichmentClosure? = null): Unit =
        group(groupId, traits, serializer<T>(), enrichment)

    /** This id continues the current user's. */
    @JvmOverloads
    public fun alias(newId: String, enrichment: EnrichmentClosure? = null): Unit =
        call(enrichment) { call("alias").member("userId", newId) }

    /** An event made elsewhere: what it says of itself (`messageId`, `timestamp`, ids, `context`) stays. */
    @JvmOverloads
    public fun process(event: BaseEvent, enrichment: EnrichmentClosure? = null): Unit = process(event.toJson(), enrichment)

    /** The same in the spec's own shape; a server names the user in it (`userId`, `anonymousId`). */
    @JvmOverloads
    public fun process(event: JsonObject, enrichment: EnrichmentClosure? = null) {
        if (!enabled) return
        val marked = if (configuration.autoAddSegmentDestination) {
            event
        } else {
            val given = event["integrations"] as? JsonObject ?: emptyJsonObject
            JsonObject(event + ("integrations" to JsonObject(mapOf("Segment.io" to JsonPrimitive(false)) + given)))
        }
        take(enrichment) {
            io.headwater.analytics.internal.Text(configuration.nonConformingNumbers).element(marked).toString()
        }
    }

    /**
     * The calls of one of many users, for servers ([Mode.Server]): `analytics.forUser("u1").track("Order Completed")`. At least
     * one of the two ids; the anonymousId is that of the user's browser or app, where it is known.
     */
    @JvmOverloads
    public fun forUser(userId: String?, anonymousId: String? = null): UserCalls = UserCalls(this, userId, anonymousId)

    internal fun call(type: String, fill: CallText.() -> Unit): Unit = call(null) { call(type).apply(fill) }

    private fun call(type: String): CallText = CallText(type, configuration.nonConformingNumbers)

    private fun payload(value: JsonObject): Payload = if (value.isEmpty()) Payload.Empty else Payload.Tree(value)

    private inline fun call(enrichment: EnrichmentClosure?, make: () -> CallText) {
        if (!enabled) return
        take(enrichment) { make().apply { if (!configuration.autoAddSegmentDestination) localOnly() }.toString() }
    }

    private inline fun take(enrichment: EnrichmentClosure?, text: () -> String) {
        val call = try {
            text()
        } catch (error: Throwable) {
            // Whatever an app's own serializer throws.
            return fail(error)
        }
        val enrichments = if (enrichment == null) emptyList() else listOf(enrichment)
        if (gate.isOpen) return pipeline.take(call, enrichments, this)
        val timed = timed(call)
        whenOpen { pipeline.take(timed, enrichments, this) }
    }

    // Who the user is.

    /** The device's id; empty on a server. */
    public fun anonymousId(): String = hub.client?.identity()?.anonymousId.orEmpty()

    /** The known user, after an identify. */
    public fun userId(): String? = hub.client?.identity()?.userId

    /** What is known of the user. */
    public fun traits(): JsonObject? = hub.client?.identity()?.traits?.let(::parse)

    /** The user's account, after a group call. */
    public fun groupId(): String? = hub.client?.identity()?.groupId

    public fun userInfo(): UserInfo {
        val identity = hub.client?.identity()
        return UserInfo(
            identity?.anonymousId.orEmpty(), identity?.userId, identity?.traits?.let(::parse) ?: emptyJsonObject,
            users.referrer,
        )
    }

    /** Hears who the user is, now and whenever that changes. Answers an id for [unsubscribe]. */
    public fun subscribeToUserInfo(handler: UserInfoHandler): Int =
        subscribeToUserInfo(host.callbacks ?: callbackThread, handler)

    public fun subscribeToUserInfo(executor: Executor, handler: UserInfoHandler): Int =
        users.subscribe(executor, handler, this)

    public fun unsubscribe(id: Int): Unit = users.unsubscribe(id)

    /** Forgets who the user is: a new anonymousId, no userId, traits or group. Events before it keep theirs. */
    public fun reset(): Unit = whenOpen {
        hub.client?.reset()
        if (configuration.anonymousIdGenerator != null) generateAnonymousId()
        eachEventPlugin { it.reset() }
    }

    private fun generateAnonymousId() {
        val client = hub.client ?: return
        val identity = client.identity() ?: return
        val generator = configuration.anonymousIdGenerator ?: return
        guarded {
            client.importIdentity(identity.copy(anonymousId = generator.newAnonymousId()))
            memory["anonymousIdGenerated"] = JsonPrimitive(true)
        }
    }

    /** The user's decision on consent, by category; one that is configured and not named is denied. */
    public fun setConsent(decision: Map<String, Boolean>): Unit = whenOpen {
        hub.client?.setConsent(decision)
    }

    /** The last decision; `null` before one. */
    public fun consent(): Map<String, Boolean>? = hub.client?.consent()

    /** Starts a session by hand, with this id (unix seconds) or the time's. Needs [Configuration.sessionTimeout]. */
    @JvmOverloads
    public fun startSession(id: Long? = null): Unit = whenOpen {
        hub.client?.startSession(id?.toULong())
    }

    /** Ends the session; none starts by itself until [startSession]. */
    public fun endSession(): Unit = whenOpen {
        hub.client?.endSession()
    }

    // Sending.

    /** Sends what waits; the handler hears, on a thread of the SDK, when it arrived or something is in the way. */
    @JvmOverloads
    public fun flush(handler: FlushHandler? = null): Unit = whenOpen { send(handler) }

    private fun send(handler: FlushHandler?) {
        begin()
        val client = hub.client
        if (client == null || handler == null) {
            client?.flush(null)
            handler?.let { callbackThread.execute { guarded { it.onFlushed(nothing()) } } }
            return
        }
        client.flush(
            object : FlushCallback {
                // Its thread is small: the app gets another.
                override fun onFlushed(report: uniffi.headwater.FlushReport) =
                    callbackThread.execute { guarded { handler.onFlushed(answer(report)) } }
            },
        )
    }

    /** As [flush], waiting on this thread. */
    public fun flushBlocking(): FlushReport {
        begin()
        return hub.client?.flushBlocking()?.let(::answer) ?: nothing()
    }

    private fun begin() {
        policies.all.forEach { policy -> guarded { policy.reset() } }
        eachEventPlugin { it.flush() }
    }

    private fun answer(report: uniffi.headwater.FlushReport) = FlushReport(
        report.delivered.toLong(), report.dropped.toLong(), report.pending.toLong(), report.waitingFor,
    )

    private fun nothing() = FlushReport(0, 0, 0, null)

    /**
     * Takes no more calls, sends what waits until it is out or the time is over (milliseconds), and frees the folder. Waits on
     * this thread. What is pending stays on the disk for the next start.
     */
    @JvmOverloads
    public fun shutdown(timeout: Long = 5_000): FlushReport {
        host.stopped(signals)
        policies.all.forEach { policy -> guarded { policy.unschedule() } }
        hub.retire()
        return hub.client?.shutdown(timeout.coerceAtLeast(0).toULong())?.let(::answer) ?: nothing()
    }

    /** [shutdown] with its usual time. */
    override fun close() {
        shutdown()
    }

    /** How many events wait. */
    public fun pendingEvents(): Long = (hub.client?.queue()?.events?.toLong() ?: 0) + pipeline.waiting

    public fun hasUnsentEvents(): Boolean = pendingEvents() > 0

    /** The queue's files while something waits in them. There are no batch files: they are not to be touched. */
    public fun pendingUploads(): List<String> {
        val folder = hub.folder ?: return emptyList()
        if (!hasUnsentEvents()) return emptyList()
        return disk.run { File(folder, "queue").walk().filter(File::isFile).map(File::getPath).sorted().toList() }
    }

    /** Throws away all that waits; a report says how many. */
    public fun purgeStorage(): Unit = whenOpen {
        pipeline.purge(this)
        hub.client?.purge()
    }

    /** Events that the hub refused, the last 20, newest last: `{"status": …, "event": {…}}`. */
    public fun quarantine(): List<JsonObject> = hub.client?.quarantine().orEmpty().mapNotNull(::parse)

    /** Events that will never be delivered, by reason, since the start. */
    public fun drops(): Map<String, Long> =
        hub.client?.drops().orEmpty().associate { it.reason to it.count.toLong() }

    /** From now on: sends once so many events wait, and so many milliseconds after the first that waits. `null`: as before. */
    public fun setFlush(flushAt: Int?, flushIntervalInMillis: Long?): Unit = whenOpen {
        hub.client?.setFlush(
            flushAt?.coerceAtLeast(1)?.toUInt(), flushIntervalInMillis?.coerceAtLeast(0)?.toULong(),
        )
    }

    // Plugins.

    /** Adds a plugin; it sees the events of all calls from now on. */
    public fun add(plugin: Plugin): Analytics {
        if (plugin is WaitingPlugin) pauseEventProcessing(plugin)
        guarded { plugin.setup(this) }
        if (plugin is DestinationPlugin) {
            timeline.add(plugin)
            plugin.timeline.all.forEach { inner -> guarded { inner.setup(this) } }
            plug(plugin, plugin.needsSettings)
        } else {
            whenOpen { settings()?.let { guarded { plugin.update(it, Plugin.UpdateType.Initial) } } }
            timeline.add(plugin)
        }
        return this
    }

    /** Changes every event, or drops it by answering `null`. */
    public fun addEnrichment(closure: EnrichmentClosure): Plugin = object : Plugin {
        override val type = Plugin.Type.Enrichment
        override lateinit var analytics: Analytics

        override fun execute(event: BaseEvent) = closure.enrich(event)
    }.also(::add)

    public fun remove(plugin: Plugin): Analytics {
        if (!timeline.remove(plugin)) return this
        destinations.remove { it.plugin === plugin }.forEach { it.detach() }
        whenOpen { pipeline.resume(plugin, this) }
        guarded { plugin.shutdown() }
        return this
    }

    /** The first plugin of this type. */
    public fun <T : Plugin> find(type: KClass<T>): T? = findAll(type).firstOrNull()

    public fun <T : Plugin> find(type: Class<T>): T? = findAll(type).firstOrNull()

    /** The destination with this key. */
    public fun find(key: String): DestinationPlugin? =
        timeline.all.firstOrNull { it is DestinationPlugin && it.key == key } as DestinationPlugin?

    /** All plugins of this type, those of destinations included. */
    public fun <T : Plugin> findAll(type: KClass<T>): List<T> = findAll(type.java)

    public fun <T : Plugin> findAll(type: Class<T>): List<T> {
        val inner = timeline.all.filterIsInstance<DestinationPlugin>().flatMap { it.timeline.all }
        return (timeline.all + inner).filter(type::isInstance).mapNotNull(type::cast)
    }

    /** Calls this with every plugin. */
    public fun applyClosureToPlugins(closure: PluginClosure): Unit =
        timeline.all.forEach { plugin -> guarded { closure.apply(plugin) } }

    /** Lets a destination run without an entry in the settings document. */
    public fun manuallyEnableDestination(plugin: DestinationPlugin) {
        val waiting = destinations.remove { it.plugin === plugin && it.needsSettings }
        waiting.forEach { it.detach() }
        if (waiting.isEmpty()) return
        plug(plugin, needsSettings = false)
    }

    private fun plug(plugin: DestinationPlugin, needsSettings: Boolean) {
        val adapter = DestinationAdapter(plugin, this, needsSettings)
        destinations.add(adapter)
        whenOpen { hub.client?.addDestination(DestinationInfo(plugin.key, plugin.categories, needsSettings), adapter) }
    }

    /** Holds events back until [resumeEventProcessing], 30 seconds at most. */
    public fun pauseEventProcessing(plugin: WaitingPlugin): Unit = whenOpen { pipeline.pause(plugin, this) }

    public fun resumeEventProcessing(plugin: WaitingPlugin): Unit = whenOpen { pipeline.resume(plugin, this) }

    /** Adds a reason to send. */
    public fun addFlushPolicy(policy: FlushPolicy) {
        when (policy) {
            is CountBasedFlushPolicy -> setFlush(policy.flushAt, null)
            is FrequencyFlushPolicy -> setFlush(null, policy.flushIntervalInMillis)
        }
        if (!looks(policy)) return
        guarded { policy.schedule(this) }
        policies.add(policy)
    }

    public fun removeFlushPolicy(policy: FlushPolicy) {
        if (policies.remove { it === policy }.isNotEmpty()) guarded { policy.unschedule() }
    }

    private inline fun eachEventPlugin(tell: (EventPlugin) -> Unit) {
        for (plugin in timeline.all) {
            if (plugin is EventPlugin && plugin !is DestinationPlugin) guarded { tell(plugin) }
        }
    }

    // The app and its device.

    /** The settings document in force; `null` while there is none. */
    public fun settings(): Settings? = hub.client?.settings()?.let(::parse)?.let(::Settings)

    internal fun settingsChanged() {
        val settings = settings() ?: return
        val type = if (sawSettings) Plugin.UpdateType.Refresh else Plugin.UpdateType.Initial
        sawSettings = true
        for (plugin in timeline.all) {
            if (plugin !is DestinationPlugin) guarded { plugin.update(settings, type) }
        }
    }

    /**
     * The app was opened by an address: tracks "Deep Link Opened" with it, its query's parameters and who referred to it, and
     * puts it in the context as the referrer.
     */
    @JvmOverloads
    public fun openUrl(url: String, referringApplication: String? = null) {
        whenOpen { users.refer(url, this) }
        updateContext(buildJsonObject { putJsonObject("referrer") { put("url", url) } })
        track("Deep Link Opened", Links.properties(url, referringApplication))
    }

    /** The device's push token, for `context.device.token`. */
    public fun setDeviceToken(token: String): Unit =
        updateContext(buildJsonObject { putJsonObject("device") { put("token", token) } })

    /** Laid over the context of all events from now on. */
    public fun updateContext(context: JsonObject): Unit =
        whenOpen { guarded { hub.client?.updateContext(json(context)) } }

    /** The network came or went. On Android the SDK finds out by itself. */
    public fun setOnline(online: Boolean): Unit = whenOpen {
        hub.client?.setOnline(online)
    }

    internal fun lifecycle(state: AppState): Unit = whenOpen {
        hub.client?.lifecycle(
            when (state) {
                AppState.Foreground -> uniffi.headwater.Lifecycle.FOREGROUND
                AppState.Background -> uniffi.headwater.Lifecycle.BACKGROUND
                AppState.Terminating -> uniffi.headwater.Lifecycle.TERMINATING
            },
        )
        if (state != AppState.Foreground) begin()
    }

    internal fun refresh(): Unit = whenOpen {
        hub.client?.refreshPlatform()
    }

    internal fun release() {
        hub.client?.release()
    }

    /** The SDK's version. */
    public fun version(): String = VERSION

    /** The engine asks for another try of an event that a plugin kept back. */
    internal fun tryAgain(event: String, guards: List<String>) = pipeline.tryAgain(event, guards, this)

    internal fun fail(error: Throwable) {
        // Whoever waits for the interruption hears of it.
        if (error is InterruptedException) Thread.currentThread().interrupt()
        val handler = configuration.errorHandler ?: return
        runCatching { handler.onError(exception(error)) }
    }

    internal fun pluginFailed(error: Throwable) {
        fail(AnalyticsException(AnalyticsException.Reason.Plugin, "a plugin failed: $error", error))
    }

    /**
     * Runs what the app gave us. Nothing of it leaves, errors of the JVM's own (a class that is missing, too deep a recursion, no
     * memory) included: an app must not end for the sake of its analytics. The error handler hears of it.
     */
    internal inline fun guarded(act: () -> Unit) {
        try {
            act()
        } catch (error: Throwable) {
            fail(error)
        }
    }

    public companion object {
        /** For Java: `Analytics.create("key", configuration -> configuration.setFlushAt(10))`. */
        @JvmStatic
        @JvmOverloads
        public fun create(writeKey: String, configure: Configure = Configure {}): Analytics =
            Analytics(Configuration(writeKey).also(configure::configure))

        /** On a platform of its own. */
        @HeadwaterPlatform
        @JvmStatic
        public fun on(configuration: Configuration, host: Host): Analytics = Analytics(configuration, host)
    }
}

/** One source's client: `Analytics("key") { flushAt = 10 }`. */
@Suppress("FunctionName")
public fun Analytics(writeKey: String, configure: Configuration.() -> Unit = {}): Analytics =
    Analytics(Configuration(writeKey).apply(configure))

/** What is known of the user, as a type of yours; `null` when it does not fit. */
public inline fun <reified T> Analytics.traitsAs(): T? = traits()?.let { decode(serializer<T>(), it) }

@PublishedApi
internal fun <T> decode(strategy: kotlinx.serialization.DeserializationStrategy<T>, from: JsonObject): T? =
    runCatching { loose.decodeFromJsonElement(strategy, from) }.getOrNull()

private val loose = kotlinx.serialization.json.Json { ignoreUnknownKeys = true }
