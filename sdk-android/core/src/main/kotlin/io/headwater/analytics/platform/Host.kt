package io.headwater.analytics.platform

import io.headwater.analytics.Analytics
import io.headwater.analytics.Configuration
import io.headwater.analytics.internal.iso
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import java.io.File
import java.util.Date
import java.util.concurrent.Executor

/** For platforms, such as the Android module; not for apps, and free to change. */
@RequiresOptIn("For platforms, such as the Android module: free to change.")
@Retention(AnnotationRetention.BINARY)
public annotation class HeadwaterPlatform

/**
 * What a platform gives the SDK. One for each [Analytics], made before it; hand it to [Analytics.Companion.on].
 *
 * In this order: [opener]; [folder], [context], [online] and [migrate] (on the opener's thread, else on the one that makes the
 * `Analytics`); [started] (on the one that makes it, without waiting for the opener); then [context] and [online] again at [AppSignals.lifecycle] (foreground) and [AppSignals.refresh]; at the end [stopped].
 */
@HeadwaterPlatform
public interface Host {
    /** `context.library.name`. */
    public val libraryName: String

    /**
     * Where an [Analytics] opens its storage when the thread that makes it must not; `null`: right there. Asked once, on that
     * thread. Calls made meanwhile keep their order, time and place; what asks for an answer waits.
     */
    public val opener: Executor? get() = null

    /** Where each source gets a folder of its own. It may not be there yet; not asked in memory mode. */
    public fun folder(): File

    /** The device's part of each event's context: app, device, os, screen, locale, timezone, network. `null`: nothing. */
    public fun context(configuration: Configuration): JsonObject? = null

    /** Whether there is a network; `null`: unknown, so that requests are tried. */
    public fun online(): Boolean? = null

    /** Runs short file work on the thread that called the SDK; a platform that watches for such work may let it pass. */
    public fun <T> disk(work: () -> T): T = work()

    /** Takes over what another SDK left. Once for each folder, before the first call. */
    public fun migrate(configuration: Configuration, into: Migration) {}

    /** Ready. Register what listens to the app here. */
    public fun started(signals: AppSignals) {}

    /** Shut down. Let go of what listens to the app. */
    public fun stopped(signals: AppSignals) {}

    /** Where callbacks run that name no executor, such as `subscribeToUserInfo`; `null`: a thread of the SDK. */
    public val callbacks: Executor? get() = null
}

/** The app's state. */
@HeadwaterPlatform
public enum class AppState {
    /** In front of the user. */
    Foreground,

    /** Out of sight; may be stopped at any moment. What waits is sent. */
    Background,

    /** About to end. What waits is sent. */
    Terminating,
}

/** What a platform tells the SDK. */
@HeadwaterPlatform
public class AppSignals internal constructor(public val analytics: Analytics) {
    /** This moment, as an event's `timestamp`: for those that are made later, by [inOrder]. */
    public fun now(): String = iso(Date())

    /** Runs this in the order of the calls: at once, or on the opener's thread while that is not done. */
    public fun inOrder(act: () -> Unit): Unit = analytics.whenOpen { act() }

    /** The app came to the front, went out of sight or is about to end. */
    public fun lifecycle(state: AppState): Unit = analytics.lifecycle(state)

    /** Lets go of the folder's lock until the next write, for an app that is about to be suspended. */
    public fun release(): Unit = analytics.release()

    /** The context or the network is another one: the host is asked again. */
    public fun refresh(): Unit = analytics.refresh()

    /** What was kept under a name, over restarts. In memory mode since the start. */
    public fun recall(name: String): JsonElement? = analytics.memory[name]

    /** Keeps a small value under a name; `null` forgets it. */
    public fun remember(name: String, value: JsonElement?) {
        analytics.memory[name] = value
    }
}
