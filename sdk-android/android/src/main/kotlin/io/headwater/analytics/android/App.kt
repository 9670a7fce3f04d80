package io.headwater.analytics.android

import android.annotation.SuppressLint
import android.app.ActivityManager
import android.app.Application
import android.content.Context
import android.content.pm.PackageInfo
import android.os.Build
import android.os.Process

/** The installed app, and which of its processes this is. Asks other processes: not for the main thread. */
internal class App(private val context: Context) {
    private val info: PackageInfo? =
        runCatching { context.packageManager.getPackageInfo(context.packageName, 0) }.getOrNull()

    val namespace: String = context.packageName
    val version: String? = info?.versionName
    val build: String? = info?.let(::build)
    val name: String? =
        runCatching { context.applicationInfo.loadLabel(context.packageManager).toString() }.getOrNull()

    /** `null` in the process that carries the app's name; else the part that tells this one apart, such as `:sync`. */
    val process: String? by lazy {
        val main = context.applicationInfo.processName ?: namespace
        processName()?.takeIf { it != main }?.removePrefix(namespace)
    }

    @SuppressLint("NewApi")
    private fun processName(): String? {
        if (Build.VERSION.SDK_INT >= 28) return Application.getProcessName()
        val manager = context.getSystemService(Context.ACTIVITY_SERVICE) as? ActivityManager
        return manager?.runningAppProcesses?.firstOrNull { it.pid == Process.myPid() }?.processName
    }

    @SuppressLint("NewApi")
    @Suppress("DEPRECATION")
    private fun build(info: PackageInfo): String =
        if (Build.VERSION.SDK_INT >= 28) info.longVersionCode.toString() else info.versionCode.toString()
}
