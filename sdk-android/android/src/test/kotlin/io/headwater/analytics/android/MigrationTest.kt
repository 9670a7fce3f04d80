package io.headwater.analytics.android

import android.app.Activity
import android.app.Application
import android.content.Context
import android.database.sqlite.SQLiteDatabase
import io.headwater.analytics.Analytics
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config

/** What other SDKs leave on a device, as they write it. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], manifest = Config.NONE)
class MigrationTest {
    @get:Rule
    val collector = Collector()
    private val app: Application = RuntimeEnvironment.getApplication()
    private val queue = app.getDir("segment-disk-queue", Context.MODE_PRIVATE)

    private fun event(id: String, time: String = "timestamp") =
        """{"type":"track","event":"$id","messageId":"$id","anonymousId":"a-old","userId":"u-old",""" +
            """"$time":"2026-01-02T03:04:05.000Z","context":{},"integrations":{},"properties":{"it's":"{\"}"}}"""

    private fun preferences(name: String, vararg values: Pair<String, String>) {
        val edit = app.getSharedPreferences(name, Context.MODE_PRIVATE).edit()
        for ((key, value) in values) edit.putString(key, value)
        edit.commit()
    }

    private fun analyticsKotlin() {
        preferences(
            "analytics-android-key", "segment.anonymousId" to "a-old", "segment.userId" to "u-old",
            "segment.traits" to """{"plan":"pro"}""", "segment.app.version" to "0.9", "segment.app.build" to "0",
        )
        File(queue, "key-9").writeText("""{"batch":[${event("1")},${event("2")}],"sentAt":"x","writeKey":"key"}""")
        // Died between the last event's half and the rest.
        File(queue, "key-10.tmp").writeText("""{"batch":[${event("3")},{"type":"track","messa""")
        File(queue, "other-1").writeText("""{"batch":[${event("theirs")}],"sentAt":"x","writeKey":"other"}""")
    }

    private fun names(analytics: Analytics) = collector.events(analytics).mapNotNull { it.at("event") }

    @Test
    fun analytics_kotlins_user_and_events_are_taken_over_once() {
        analyticsKotlin()
        val analytics = collector.analytics(app)
        assertEquals("a-old", analytics.anonymousId())
        assertEquals("u-old", analytics.userId())
        assertEquals("""{"plan":"pro"}""", analytics.traits().toString())
        analytics.track("new")
        val events = collector.events(analytics)
        assertEquals(listOf("1", "2", "3", "new"), events.map { it.at("event") })
        assertEquals("2026-01-02T03:04:05.000Z", events[0].at("originalTimestamp") ?: events[0].at("timestamp"))
        assertEquals(listOf("other-1"), queue.list()?.sorted())
        analytics.identify("u-new")
        analytics.shutdown()
        assertEquals("u-new", collector.analytics(app).userId())
    }

    @Test
    fun an_app_that_changes_its_sdk_is_not_installed_anew() {
        analyticsKotlin()
        val analytics = collector.analytics(app)
        Robolectric.buildActivity(Activity::class.java).create().start()
        assertEquals(listOf("1", "2", "3", "Application Opened"), names(analytics))
    }

    @Test
    fun what_is_imported_twice_after_a_crash_counts_once() {
        analyticsKotlin()
        val kept = queue.listFiles().orEmpty().associateWith { it.readText() }
        val first = collector.analytics(app)
        names(first)
        first.shutdown()
        // As if it had died before the files were gone and the import was noted.
        for ((file, text) in kept) file.writeText(text)
        File(app.noBackupFilesDir, "headwater/key/app.json").delete()
        assertEquals(listOf("1", "2", "3"), names(collector.analytics(app)))
    }

    @Test
    fun rudderstacks_user_and_events_are_taken_over() {
        preferences("rl_prefs-key", "anonymous_id" to "a-old", "user_id" to "u-old", "traits" to """{"plan":"pro"}""")
        val folder = app.getDir("rudder-android-store-key", Context.MODE_PRIVATE)
        File(folder, "key-0").writeText("""{"batch":[${event("1", "originalTimestamp")}],"sentAt":"{{_RSA}}"}""")
        File(folder, "key-1.tmp").writeText("""{"batch":[${event("2", "originalTimestamp")}""")
        val analytics = collector.analytics(app)
        assertEquals("a-old" to "u-old", analytics.anonymousId() to analytics.userId())
        assertEquals(listOf("1", "2"), names(analytics))
        assertEquals(emptyList<String>(), folder.list()?.toList())
    }

    @Test
    fun rudderstacks_first_sdk_leaves_a_database() {
        preferences(
            "rl_prefs", "rl_anonymous_id_key" to "a-old",
            "rl_traits" to """{"anonymousId":"a-old","id":"u-old","userId":"u-old","plan":"pro"}""",
        )
        val file = app.getDatabasePath("rl_persistence.db")
        file.parentFile?.mkdirs()
        SQLiteDatabase.openOrCreateDatabase(file, null).use { database ->
            database.execSQL(
                "CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL, updated INTEGER NOT NULL," +
                    " status INTEGER DEFAULT 0)",
            )
            for ((id, status) in listOf("1" to 0, "sent" to 2, "2" to 1)) {
                val message = event(id, "originalTimestamp").replace("'", "\\'")
                database.execSQL("INSERT INTO events (message, updated, status) VALUES (?, 5, $status)", arrayOf(message))
            }
        }
        val analytics = collector.analytics(app)
        assertEquals("a-old" to "u-old", analytics.anonymousId() to analytics.userId())
        assertEquals("""{"plan":"pro"}""", analytics.traits().toString())
        val events = collector.events(analytics)
        assertEquals(listOf("1", "2"), events.map { it.at("event") })
        assertTrue(events[0].toString().contains("it's"))
        assertFalse(file.exists())
    }

    @Test
    fun nothing_is_taken_over_where_that_is_turned_off() {
        analyticsKotlin()
        val analytics = collector.analytics(app) { migrate = false }
        analytics.track("new")
        assertEquals(listOf("new"), names(analytics))
        assertEquals(3, queue.list()?.size)
    }
}
