package io.headwater.analytics

import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.putJsonObject

/** The settings document of the source. */
public class Settings(
    /** The whole document. */
    public val document: JsonObject,
) {
    public val integrations: JsonObject get() = part("integrations")
    public val plan: JsonObject get() = part("plan")
    public val edgeFunction: JsonObject get() = part("edgeFunction")
    public val middlewareSettings: JsonObject get() = part("middlewareSettings")
    public val metrics: JsonObject get() = part("metrics")
    public val consentSettings: JsonObject get() = part("consentSettings")

    private fun part(key: String): JsonObject = document[key] as? JsonObject ?: emptyJsonObject

    public fun hasIntegrationSettings(key: String): Boolean = key in integrations

    public fun hasIntegrationSettings(plugin: DestinationPlugin): Boolean = hasIntegrationSettings(plugin.key)

    /** A destination's entry; `null` when it has none that is an object. */
    public fun integrationSettings(key: String): JsonObject? = integrations[key] as? JsonObject

    /** A destination's entry as a type of yours; `null` when it does not fit. */
    public fun <T> destinationSettings(key: String, strategy: DeserializationStrategy<T>): T? {
        val entry = integrationSettings(key) ?: return null
        return runCatching { lenient.decodeFromJsonElement(strategy, entry) }.getOrNull()
    }

    override fun equals(other: Any?): Boolean = other is Settings && other.document == document

    override fun hashCode(): Int = document.hashCode()

    override fun toString(): String = document.toString()

    public companion object {
        private val lenient = Json { ignoreUnknownKeys = true }

        /** What a source has at least: itself. */
        @JvmStatic
        public fun of(writeKey: String): Settings = Settings(
            buildJsonObject {
                putJsonObject("integrations") {
                    putJsonObject("Segment.io") { put("apiKey", JsonPrimitive(writeKey)) }
                }
            },
        )
    }
}
