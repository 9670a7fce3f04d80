package io.headwater.analytics

/**
 * Sees events on their way, one at a time, in the order of the calls.
 *
 * The SDK never runs two plugins of one timeline at the same time, so a plugin's own state needs no lock as long as nothing
 * else touches it. A call that a plugin makes is taken right after the event at hand. Whatever a plugin throws, errors of the
 * JVM's own included, is told to the error handler and goes no further. The event goes on, or, where the plugin is [required],
 * is kept back.
 */
public interface Plugin {
    /** When a plugin sees an event. */
    public enum class Type {
        /** First, before anything else. */
        Before,

        /** Then: adds to the event, or drops it. */
        Enrichment,

        /** A device-mode destination: gets events that consent and `integrations` allow, on a thread of its own. */
        Destination,

        /** When the event is queued. */
        After,

        /** Never by itself; found and used on demand. */
        Utility,
    }

    /** Whether settings are the first that a plugin sees. */
    public enum class UpdateType {
        Initial,
        Refresh,
    }

    public val type: Type

    /**
     * Of the types [Type.Before] (default `true`) and [Type.Enrichment] (default `false`): whether no event may go without it. When
     * it throws, the event is kept back as it was at the call, seen again by all plugins after 1 and after 10 seconds, and then
     * reported as `plugin_failed`. Later events overtake it. It is on the disk meanwhile: the next start of the app tries it
     * again, once a plugin of this class is added.
     */
    public val required: Boolean get() = type == Type.Before

    /** Set by the SDK; declare it `lateinit`. */
    public var analytics: Analytics

    /** It was added. Keeps [analytics]. */
    public fun setup(analytics: Analytics) {
        this.analytics = analytics
    }

    /** The settings document came. */
    public fun update(settings: Settings, type: UpdateType) {}

    /** Sees one event; `null` drops it, which is reported. */
    public fun execute(event: BaseEvent): BaseEvent? = event

    /** It was removed. */
    public fun shutdown() {}
}

/** A plugin with a method for each type of event. */
public interface EventPlugin : Plugin {
    public fun track(payload: TrackEvent): BaseEvent? = payload

    public fun identify(payload: IdentifyEvent): BaseEvent? = payload

    public fun page(payload: PageEvent): BaseEvent? = payload

    public fun screen(payload: ScreenEvent): BaseEvent? = payload

    public fun group(payload: GroupEvent): BaseEvent? = payload

    public fun alias(payload: AliasEvent): BaseEvent? = payload

    public fun flush() {}

    public fun reset() {}

    override fun execute(event: BaseEvent): BaseEvent? = when (event) {
        is TrackEvent -> track(event)
        is IdentifyEvent -> identify(event)
        is PageEvent -> page(event)
        is ScreenEvent -> screen(event)
        is GroupEvent -> group(event)
        is AliasEvent -> alias(event)
    }
}

/**
 * Holds every event back until it says that it is ready: from the moment it is added until [resume]. Events keep the time and
 * user of their calls and are on the disk meanwhile. After 30 seconds they go on without it.
 */
public interface WaitingPlugin : Plugin {
    public fun pause(): Unit = analytics.pauseEventProcessing(this)

    public fun resume(): Unit = analytics.resumeEventProcessing(this)
}

/**
 * Another vendor's SDK in this app.
 *
 * All of it runs on a thread of its own. It gets an event when the settings document has an entry under its [key] (or
 * [needsSettings] is false), the event's `integrations` and the tracking plan allow it, and the user granted all of its
 * [categories].
 */
public abstract class DestinationPlugin : EventPlugin {
    override val type: Plugin.Type = Plugin.Type.Destination
    override lateinit var analytics: Analytics

    /** Its name in `integrations` and in the settings document. */
    public abstract val key: String

    /** The consent categories it belongs to; the settings document can add more. */
    public open val categories: List<String> = emptyList()

    /** Whether it runs only with an entry in the settings document. */
    public open val needsSettings: Boolean = true

    /** Plugins of its own. */
    internal val timeline: Timeline = Timeline()

    public fun add(plugin: Plugin): Plugin {
        if (::analytics.isInitialized) analytics.guarded { plugin.setup(analytics) }
        timeline.add(plugin)
        return plugin
    }

    public fun remove(plugin: Plugin) {
        if (!timeline.remove(plugin)) return
        if (::analytics.isInitialized) analytics.guarded { plugin.shutdown() } else runCatching { plugin.shutdown() }
    }

    /** Runs its own plugins round its own methods. Answers the one that failed and that the event may not go without. */
    internal fun process(event: BaseEvent, failed: (Throwable) -> Unit): Timeline.Outcome.Failed? {
        val passed = when (val outcome = timeline.run(event, failed)) {
            is Timeline.Outcome.Passed -> outcome.event
            is Timeline.Outcome.Dropped -> return null
            is Timeline.Outcome.Failed -> return outcome
        }
        execute(passed)?.let { timeline.run(Plugin.Type.After, it, failed) }
        return null
    }
}

/** Called with each plugin. */
public fun interface PluginClosure {
    public fun apply(plugin: Plugin)
}
