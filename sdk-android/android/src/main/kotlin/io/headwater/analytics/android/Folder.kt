package io.headwater.analytics.android

import android.content.Context
import java.io.File

/**
 * Where the sources' folders lie: `no_backup/headwater`.
 *
 * Not in `filesDir`: a backup that is laid onto another phone would give two phones one anonymousId, and send a second
 * time what the first phone has sent already.
 *
 * A folder has one owner. Another process of the app has its own: `no_backup/headwater@{process}`.
 */
internal fun folder(context: Context, process: String?): File {
    val name = if (process == null) "headwater" else "headwater@" + process.replace(UNSAFE, "_")
    return File(context.noBackupFilesDir ?: context.filesDir, name)
}

private val UNSAFE = Regex("[^A-Za-z0-9.-]")
