package io.headwater.analytics

import io.headwater.analytics.internal.CallText
import io.headwater.analytics.internal.Payload
import kotlinx.serialization.json.JsonObject

/** The calls of one of a server's users, see [Analytics.forUser]. Cheap to make and to keep; usable from any thread. */
public class UserCalls internal constructor(
    private val analytics: Analytics,
    private val userId: String?,
    private val anonymousId: String?,
) {
    /** Something happened. */
    @JvmOverloads
    public fun track(name: String, properties: JsonObject = emptyJsonObject): Unit =
        make("track") { member("event", name).member("properties", tree(properties)) }

    public fun track(name: String, properties: Map<String, *>): Unit =
        make("track") { member("event", name).member("properties", Payload.Plain(properties)) }

    /** What is known of the user. */
    @JvmOverloads
    public fun identify(traits: JsonObject = emptyJsonObject): Unit = make("identify") { member("traits", tree(traits)) }

    public fun identify(traits: Map<String, *>): Unit = make("identify") { member("traits", Payload.Plain(traits)) }

    /** A page was seen. */
    @JvmOverloads
    public fun page(name: String, properties: JsonObject = emptyJsonObject): Unit =
        make("page") { member("name", name).member("properties", tree(properties)) }

    public fun page(name: String, properties: Map<String, *>): Unit =
        make("page") { member("name", name).member("properties", Payload.Plain(properties)) }

    /** A screen was seen. */
    @JvmOverloads
    public fun screen(title: String, properties: JsonObject = emptyJsonObject): Unit =
        make("screen") { member("name", title).member("properties", tree(properties)) }

    public fun screen(title: String, properties: Map<String, *>): Unit =
        make("screen") { member("name", title).member("properties", Payload.Plain(properties)) }

    /** The user belongs to an account. */
    @JvmOverloads
    public fun group(groupId: String, traits: JsonObject = emptyJsonObject): Unit =
        make("group") { member("groupId", groupId).member("traits", tree(traits)) }

    public fun group(groupId: String, traits: Map<String, *>): Unit =
        make("group") { member("groupId", groupId).member("traits", Payload.Plain(traits)) }

    private fun tree(value: JsonObject): Payload = if (value.isEmpty()) Payload.Empty else Payload.Tree(value)

    private fun make(type: String, fill: CallText.() -> Unit) = analytics.call(type) {
        member("userId", userId)
        member("anonymousId", anonymousId)
        fill()
    }
}
