package io.headwater.analytics

import io.headwater.analytics.internal.text
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** No members. */
public val emptyJsonObject: JsonObject = JsonObject(emptyMap())

/** The types of the spec, in its spelling. */
@Suppress("EnumEntryName")
public enum class EventType {
    track,
    identify,
    page,
    screen,
    group,
    alias,
}

/**
 * One event on its way: what the call said, and in plugins also what was stamped ([messageId], [timestamp], ids, [context]).
 * What is set before a call wins over what would be stamped; empty is not set.
 */
public sealed class BaseEvent(public val type: EventType) {
    public var anonymousId: String = ""
    public var messageId: String = ""
    public var userId: String = ""

    /** ISO 8601. */
    public var timestamp: String = ""
    public var context: JsonObject = emptyJsonObject
    public var integrations: JsonObject = emptyJsonObject

    internal abstract fun own(into: MutableMap<String, JsonElement>)

    /** The event in the spec's own shape. */
    public fun toJson(): JsonObject {
        val members = LinkedHashMap<String, JsonElement>()
        members["type"] = JsonPrimitive(type.name)
        own(members)
        fun put(key: String, value: String) {
            if (value.isNotEmpty()) members[key] = JsonPrimitive(value)
        }
        put("messageId", messageId)
        put("timestamp", timestamp)
        put("anonymousId", anonymousId)
        put("userId", userId)
        if (context.isNotEmpty()) members["context"] = context
        if (integrations.isNotEmpty()) members["integrations"] = integrations
        return JsonObject(members)
    }

    override fun toString(): String = "${type.name} $messageId"

    public companion object {
        /** The event that this JSON is; `null` when its type is none of the six. */
        @JvmStatic
        public fun fromJson(json: JsonObject): BaseEvent? {
            fun members(key: String) = json[key] as? JsonObject ?: emptyJsonObject
            val event = when (json.text("type")) {
                "track" -> TrackEvent(json.text("event").orEmpty(), members("properties"))
                "identify" -> IdentifyEvent(json.text("userId").orEmpty(), members("traits"))
                "page" -> PageEvent(json.text("name").orEmpty(), json.text("category").orEmpty(), members("properties"))
                "screen" -> ScreenEvent(json.text("name").orEmpty(), json.text("category").orEmpty(), members("properties"))
                "group" -> GroupEvent(json.text("groupId").orEmpty(), members("traits"))
                "alias" -> AliasEvent(json.text("userId").orEmpty(), json.text("previousId").orEmpty())
                else -> return null
            }
            event.anonymousId = json.text("anonymousId").orEmpty()
            event.messageId = json.text("messageId").orEmpty()
            event.userId = json.text("userId").orEmpty()
            event.timestamp = json.text("timestamp").orEmpty()
            event.context = members("context")
            event.integrations = members("integrations")
            return event
        }
    }
}

/** Something happened. */
public class TrackEvent @JvmOverloads constructor(
    public var event: String,
    public var properties: JsonObject = emptyJsonObject,
) : BaseEvent(EventType.track) {
    override fun own(into: MutableMap<String, JsonElement>) {
        into["event"] = JsonPrimitive(event)
        into["properties"] = properties
    }
}

/** Who the user is. */
public class IdentifyEvent @JvmOverloads constructor(
    userId: String = "",
    public var traits: JsonObject = emptyJsonObject,
) : BaseEvent(EventType.identify) {
    init {
        this.userId = userId
    }

    override fun own(into: MutableMap<String, JsonElement>) {
        into["traits"] = traits
    }
}

/** A web page was seen: for replays and apps that show pages; apps of their own use screens. */
public class PageEvent @JvmOverloads constructor(
    public var name: String,
    public var category: String = "",
    public var properties: JsonObject = emptyJsonObject,
) : BaseEvent(EventType.page) {
    override fun own(into: MutableMap<String, JsonElement>) {
        if (name.isNotEmpty()) into["name"] = JsonPrimitive(name)
        if (category.isNotEmpty()) into["category"] = JsonPrimitive(category)
        into["properties"] = properties
    }
}

/** A screen was seen. */
public class ScreenEvent @JvmOverloads constructor(
    public var name: String,
    public var category: String = "",
    public var properties: JsonObject = emptyJsonObject,
) : BaseEvent(EventType.screen) {
    override fun own(into: MutableMap<String, JsonElement>) {
        if (name.isNotEmpty()) into["name"] = JsonPrimitive(name)
        if (category.isNotEmpty()) into["category"] = JsonPrimitive(category)
        into["properties"] = properties
    }
}

/** The user belongs to an account. */
public class GroupEvent @JvmOverloads constructor(
    public var groupId: String,
    public var traits: JsonObject = emptyJsonObject,
) : BaseEvent(EventType.group) {
    override fun own(into: MutableMap<String, JsonElement>) {
        into["groupId"] = JsonPrimitive(groupId)
        into["traits"] = traits
    }
}

/** This id continues the current user's. */
public class AliasEvent @JvmOverloads constructor(
    userId: String,
    public var previousId: String = "",
) : BaseEvent(EventType.alias) {
    init {
        this.userId = userId
    }

    override fun own(into: MutableMap<String, JsonElement>) {
        if (previousId.isNotEmpty()) into["previousId"] = JsonPrimitive(previousId)
    }
}

/** Changes one event, or drops it by answering `null`. Runs after the enrichment plugins. */
public fun interface EnrichmentClosure {
    public fun enrich(event: BaseEvent): BaseEvent?
}
