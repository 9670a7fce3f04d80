package io.headwater.analytics.android

import android.app.Application
import android.content.Context
import android.os.Looper
import android.os.StrictMode
import io.headwater.analytics.Configuration
import io.headwater.analytics.platform.AppSignals
import io.headwater.analytics.platform.HeadwaterPlatform
import io.headwater.analytics.platform.Host
import io.headwater.analytics.platform.Migration
import java.io.File
import java.util.concurrent.Executor
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import kotlinx.serialization.json.JsonObject

/**
 * What Android gives the SDK.
 *
 * The main thread opens nothing: made there, an `Analytics` opens on [DISK], and its calls wait in order until that is done.
 */
@OptIn(HeadwaterPlatform::class)
internal class AndroidHost(
    context: Context,
    private val configuration: Configuration,
    advertisingId: AdvertisingIdProvider?,
) : Host {
    // Before Application.onCreate there is none.
    private val context: Context = context.applicationContext ?: context
    private val app by lazy { App(this.context) }
    private val device by lazy { DeviceContext(this.context, app, configuration.collectDeviceId, advertisingId) }
    private val leftovers by lazy { Leftovers(this.context, configuration.writeKey) }

    @Volatile
    private var network: NetworkState? = null

    @Volatile
    private var anonymousId: String? = null
    private var networkWatcher: NetworkWatcher? = null
    private var activityWatcher: ActivityWatcher? = null

    override val libraryName: String get() = "headwater-android"
    override val opener: Executor? get() = if (onMain()) DISK else null

    override fun folder(): File = folder(context, app.process)

    override fun context(configuration: Configuration): JsonObject {
        val known = device.json(anonymousId)
        return network?.let { JsonObject(known + ("network" to it.json)) } ?: known
    }

    override fun online(): Boolean? = network?.online

    /** What is left on the main thread is of the kind that the call asked for: an event on the disk when it returns. */
    override fun <T> disk(work: () -> T): T {
        if (!onMain()) return work()
        val policy = StrictMode.allowThreadDiskWrites()
        try {
            return work()
        } finally {
            StrictMode.setThreadPolicy(policy)
        }
    }

    /** One process takes it all. */
    override fun migrate(configuration: Configuration, into: Migration) {
        if (app.process == null) leftovers.into(into)
    }

    override fun started(signals: AppSignals) {
        signals.inOrder { opened(signals) }
        val watcher = ActivityWatcher(AppEvents(signals, configuration, DISK, ::installed))
        activityWatcher = watcher
        (context as? Application)?.registerActivityLifecycleCallbacks(watcher)
    }

    /** The storage is open: on the thread that did it, before the first call. */
    private fun opened(signals: AppSignals) {
        signals.recall(AppEvents.APP) // Read now, not on the main thread.
        if (!configuration.automaticContext) return
        signals.analytics.subscribeToUserInfo({ it.run() }) { user ->
            if (user.anonymousId != anonymousId) {
                anonymousId = user.anonymousId
                signals.refresh()
            }
        }
        networkWatcher = NetworkWatcher(context) { state ->
            val before = network
            network = state
            if (before?.json != state.json || before.online != state.online) signals.refresh()
        }.also { it.start() }
    }

    /** `null` in a process beside the main one: the app's events are the main one's to tell. */
    private fun installed(signals: AppSignals): AppEvents.Installed? {
        if (app.process != null) return null
        val before = AppEvents.known(signals) ?: leftovers.app()?.let { AppEvents.Version(it.first, it.second) }
        return AppEvents.Installed(AppEvents.Version(app.version, app.build.orEmpty()), before)
    }

    override fun stopped(signals: AppSignals) {
        (context as? Application)?.unregisterActivityLifecycleCallbacks(activityWatcher)
        networkWatcher?.stop()
    }

    internal companion object {
        /** What touches the disk and is not a call's own: one after the other, on a thread that ends when it has nothing to do. */
        val DISK: Executor = ThreadPoolExecutor(1, 1, 10, TimeUnit.SECONDS, LinkedBlockingQueue()) { work ->
            Thread(work, "headwater-disk").apply { isDaemon = true }
        }.apply { allowCoreThreadTimeOut(true) }

        fun onMain(): Boolean = Looper.myLooper() === Looper.getMainLooper()
    }
}
