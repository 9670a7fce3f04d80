package io.headwater.analytics.android

import android.annotation.SuppressLint
import android.app.Activity
import android.app.Application
import android.os.Build
import android.os.Bundle

/** What happens to the app, on the main thread; each method returns at once. */
internal interface LifecycleListener {
    /** The first activity of this process. */
    fun launched()

    /** In front of the user, for the first time in this process or again. */
    fun opened(fromBackground: Boolean, link: Link?)
    fun backgrounded()
    fun deepLink(link: Link)
    fun screen(name: String)
}

/** The address that opened the app, and who sent it. */
internal class Link(val url: String, val referrer: String?)

/**
 * Counts the activities that can be seen. Between none and some the app is opened, between some and none it goes to the
 * background; an activity that is only made anew (the device was turned) is neither.
 */
internal class ActivityWatcher(private val listener: LifecycleListener) : Application.ActivityLifecycleCallbacks {
    private var launched = false
    private var opened = false
    private var visible = 0
    private var remade = false
    private var link: Link? = null

    override fun onActivityCreated(activity: Activity, savedInstanceState: Bundle?) {
        launch()
        // One that is restored was counted when it first came.
        if (savedInstanceState != null) return
        val url = activity.intent?.data ?: return
        link = Link(url.toString(), referrer(activity)).also(listener::deepLink)
    }

    override fun onActivityStarted(activity: Activity) {
        // For one that was created before this was told.
        launch()
        val again = remade
        remade = false
        if (visible++ == 0 && !again) {
            listener.opened(fromBackground = opened, link)
            opened = true
        }
        link = null
        if (!again) listener.screen(title(activity))
    }

    override fun onActivityStopped(activity: Activity) {
        remade = activity.isChangingConfigurations
        // 0 already: it was started before this was told.
        visible = maxOf(0, visible - 1)
        if (visible == 0 && !remade) {
            opened = true
            listener.backgrounded()
        }
    }

    override fun onActivityResumed(activity: Activity) {}
    override fun onActivityPaused(activity: Activity) {}
    override fun onActivitySaveInstanceState(activity: Activity, outState: Bundle) {}
    override fun onActivityDestroyed(activity: Activity) {}

    private fun launch() {
        if (launched) return
        launched = true
        listener.launched()
    }

    private fun title(activity: Activity): String =
        activity.title?.toString()?.ifBlank { null } ?: activity.javaClass.simpleName

    @SuppressLint("NewApi")
    private fun referrer(activity: Activity): String? =
        if (Build.VERSION.SDK_INT >= 22) activity.referrer?.toString() else null
}
