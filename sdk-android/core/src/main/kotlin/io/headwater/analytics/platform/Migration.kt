package io.headwater.analytics.platform

import io.headwater.analytics.internal.Batches
import io.headwater.analytics.internal.Hub
import io.headwater.analytics.internal.json
import kotlinx.serialization.json.JsonObject
import uniffi.headwater.HeadwaterException
import uniffi.headwater.Identity
import java.io.File

/** Takes over what another SDK left: its user and its unsent events. */
@HeadwaterPlatform
public class Migration internal constructor(private val hub: Hub, private val writeKey: String) {
    /**
     * The user as the other SDK knew them.
     *
     * @param anonymousId nothing is taken over where it is empty
     */
    @JvmOverloads
    public fun identity(
        anonymousId: String?,
        userId: String? = null,
        traits: JsonObject? = null,
        groupId: String? = null,
    ) {
        if (anonymousId.isNullOrEmpty()) return
        val identity = Identity(
            anonymousId = anonymousId,
            userId = userId?.ifEmpty { null },
            traits = json(traits),
            groupId = groupId?.ifEmpty { null },
            groupTraits = "{}",
        )
        try {
            hub.client?.importIdentity(identity)
        } catch (_: HeadwaterException) {
            // An id that cannot be one: the user begins anew.
        }
    }

    /**
     * An event that was stamped already: it goes into the queue as it is, whoever the user is now. False when the queue did
     * not take it though it could; then it should be kept for another time.
     */
    public fun event(event: JsonObject): Boolean = submit(json(event))

    private fun submit(event: String): Boolean = try {
        hub.client?.submit(event) != null
    } catch (_: HeadwaterException.Invalid) {
        true
    } catch (_: HeadwaterException.TooLarge) {
        true
    } catch (_: HeadwaterException) {
        false
    }

    /**
     * The queue files of analytics-kotlin in a folder: `{writeKey}-{n}` and `{writeKey}-{n}.tmp`, in the order of their
     * numbers; files of other write keys stay. A file whose events are all in the queue is deleted.
     */
    public fun analyticsKotlinFiles(folder: File) {
        files(folder, Regex(Regex.escape(writeKey) + "-(\\d+)(\\.tmp)?"))
    }

    /** The queue files of RudderStack's Kotlin SDK in its folder for this write key: `{n}` and `{n}.tmp`. */
    public fun rudderFiles(folder: File) {
        files(folder, Regex("(?:.*-)?(\\d+)(\\.tmp)?"))
    }

    private fun files(folder: File, name: Regex) {
        val files = folder.listFiles().orEmpty()
            .mapNotNull { file -> name.matchEntire(file.name)?.let { file to it.groupValues[1].toLong() } }
            .sortedBy { it.second }
        for ((file, _) in files) {
            val text = runCatching { file.readText() }.getOrNull() ?: continue
            if (Batches.events(text).map { submit(it) }.all { it }) file.delete()
        }
    }
}
