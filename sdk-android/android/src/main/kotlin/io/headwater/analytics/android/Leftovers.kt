package io.headwater.analytics.android

import android.content.Context
import android.content.SharedPreferences
import android.database.sqlite.SQLiteDatabase
import android.database.sqlite.SQLiteException
import io.headwater.analytics.platform.HeadwaterPlatform
import io.headwater.analytics.platform.Migration
import java.io.File
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull

/**
 * What other SDKs left on the device. An event keeps its `messageId`, so one that comes twice because the app died between
 * its way into the queue and the deletion of its file counts once at the hub.
 */
@OptIn(HeadwaterPlatform::class)
internal class Leftovers(private val context: Context, private val writeKey: String) {
    private val segment = preferences("analytics-android-$writeKey")
    private val rudder = preferences("rl_prefs-$writeKey")

    // RudderStack's first Android SDK has one for all write keys.
    private val oldRudder = preferences("rl_prefs")

    fun into(migration: Migration) {
        // Oldest first; who was used last knows the user best.
        user()?.let { migration.identity(it.anonymousId, it.userId, it.traits) }
        oldRudderEvents(migration)
        for (folder in listOf("rudder-android-store-$writeKey", "rudder-android-store$writeKey")) {
            migration.rudderFiles(directory(folder))
        }
        migration.analyticsKotlinFiles(directory("segment-disk-queue"))
    }

    /** Version and build of the app when the other SDK ran last; `null`: it never did. */
    fun app(): Pair<String?, String>? =
        segment.text("segment.app.build")?.let { segment.text("segment.app.version") to it }
            ?: rudder.text("rudder.app_build")?.let { rudder.text("rudder.app_version") to it }
            ?: (oldRudder.text("rl_application_build_key") ?: oldRudder.text("rl_application_info_key"))
                ?.let { oldRudder.text("rl_application_version_key") to it }

    private class User(val anonymousId: String, val userId: String?, val traits: JsonObject?)

    private fun user(): User? = segment.user("segment.anonymousId", "segment.userId", "segment.traits")
        ?: rudder.user("anonymous_id", "user_id", "traits")
        ?: oldRudder.user("rl_anonymous_id_key", null, "rl_traits")

    private fun SharedPreferences.user(anonymousId: String, userId: String?, traits: String): User? {
        val all = text(traits)?.let(::json)
        // RudderStack keeps ids among the traits.
        val inTraits = listOf("id", "userId").firstNotNullOfOrNull { (all?.get(it) as? JsonPrimitive)?.contentOrNull }
        return User(
            text(anonymousId) ?: return null,
            if (userId == null) inTraits else text(userId),
            if (userId == null) all?.let { JsonObject(it - IDS) } else all,
        )
    }

    /** A table of one event a row. Those with the second bit in `status` had been sent. */
    private fun oldRudderEvents(migration: Migration) {
        val file = context.getDatabasePath("rl_persistence.db")
        if (!file.exists()) return
        val events = try {
            SQLiteDatabase.openDatabase(file.path, null, SQLiteDatabase.OPEN_READONLY).use(::unsent)
        } catch (_: SQLiteException) {
            return
        }
        if (events.map { migration.event(it) }.all { it }) context.deleteDatabase(file.name)
    }

    private fun unsent(database: SQLiteDatabase): List<JsonObject> =
        database.query("events", null, null, null, null, null, "updated, id").use { rows ->
            val message = rows.getColumnIndexOrThrow("message")
            val status = rows.getColumnIndex("status")
            val events = ArrayList<JsonObject>()
            while (rows.moveToNext()) {
                if (status >= 0 && rows.getInt(status) and SENT != 0) continue
                // It writes an apostrophe as no JSON does.
                json(rows.getString(message).replace("\\'", "'"))?.let { events += timed(it) }
            }
            events
        }

    private fun timed(event: JsonObject): JsonObject {
        val at = event["originalTimestamp"]
        return if (at == null || "timestamp" in event) event else JsonObject(event + ("timestamp" to at))
    }

    private fun json(text: String): JsonObject? = try {
        Json.parseToJsonElement(text) as? JsonObject
    } catch (_: SerializationException) {
        null
    }

    private fun preferences(name: String): SharedPreferences = context.getSharedPreferences(name, Context.MODE_PRIVATE)

    /** Whatever type it was written as. */
    private fun SharedPreferences.text(key: String): String? = all[key]?.toString()?.ifEmpty { null }

    // As Context.getDir names it, which would make it.
    private fun directory(name: String) = File(context.applicationInfo.dataDir, "app_$name")

    private companion object {
        const val SENT = 2
        val IDS = setOf("id", "userId", "anonymousId")
    }
}
