package io.headwater.analytics.coroutines

import io.headwater.analytics.Analytics
import io.headwater.analytics.FlushReport
import io.headwater.analytics.Plugin
import io.headwater.analytics.Settings
import io.headwater.analytics.UserInfo
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext
import kotlin.coroutines.resume

/** Sends what waits, and answers what became of it. A coroutine that is cancelled does not stop the sending. */
public suspend fun Analytics.flushAndWait(): FlushReport = suspendCancellableCoroutine { continuation ->
    flush { report -> continuation.resume(report) }
}

/** [Analytics.shutdown] on a thread that may wait. */
public suspend fun Analytics.shutdownAndWait(timeout: Long = 5_000): FlushReport =
    withContext(Dispatchers.IO) { shutdown(timeout) }

/** The settings document, as soon as there is one. */
public suspend fun Analytics.settingsAsync(): Settings {
    settings()?.let { return it }
    val came = CompletableDeferred<Settings>()
    val listener = object : Plugin {
        override val type = Plugin.Type.Utility
        override lateinit var analytics: Analytics

        override fun update(settings: Settings, type: Plugin.UpdateType) {
            came.complete(settings)
        }
    }
    add(listener)
    try {
        // It may have come before the listener was there.
        return settings() ?: came.await()
    } finally {
        remove(listener)
    }
}

/** Who the user is, now and whenever that changes. */
public fun Analytics.userInfoFlow(): Flow<UserInfo> = callbackFlow {
    val id = subscribeToUserInfo({ it.run() }) { info -> trySend(info) }
    awaitClose { unsubscribe(id) }
}
