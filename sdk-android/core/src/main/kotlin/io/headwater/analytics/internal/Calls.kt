package io.headwater.analytics.internal

import io.headwater.analytics.AnalyticsException
import io.headwater.analytics.NonConformingNumbers
import kotlinx.serialization.SerializationException
import kotlinx.serialization.SerializationStrategy
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import uniffi.headwater.HeadwaterException
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

/** What a call carries, in whatever form the app has it. */
internal sealed interface Payload {
    fun write(to: Text)

    object Empty : Payload {
        override fun write(to: Text) {
            to.raw("{}")
        }
    }

    class Tree(private val value: JsonObject) : Payload {
        override fun write(to: Text) {
            to.element(value)
        }
    }

    class Plain(private val value: Map<*, *>) : Payload {
        override fun write(to: Text) {
            to.any(value)
        }
    }

    class Typed<T>(private val value: T, private val strategy: SerializationStrategy<T>) : Payload {
        override fun write(to: Text) {
            // Strict first, at once as text; numbers that JSON does not have take the longer way.
            val text = try {
                strict.encodeToString(strategy, value)
            } catch (_: SerializationException) {
                to.element(loose.encodeToJsonElement(strategy, value))
                return
            }
            to.raw(text)
        }
    }

    private companion object {
        val strict = Json { encodeDefaults = true }
        val loose = Json {
            encodeDefaults = true
            allowSpecialFloatingPointValues = true
        }
    }
}

/** The JSON text of a call, as the engine reads it. */
internal class CallText(type: String, numbers: NonConformingNumbers) {
    private val text = Text(numbers).raw("{\"type\":\"").raw(type).raw("\"")

    fun member(name: String, value: String?): CallText {
        if (!value.isNullOrEmpty()) text.raw(",\"").raw(name).raw("\":").string(value)
        return this
    }

    fun member(name: String, value: Payload): CallText {
        if (value === Payload.Empty) return this
        text.raw(",\"").raw(name).raw("\":")
        value.write(text)
        return this
    }

    /** To destinations in this process only. */
    fun localOnly(): CallText {
        text.raw(",\"integrations\":{\"Segment.io\":false}")
        return this
    }

    override fun toString(): String = text.raw("}").toString()
}

/** What the engine threw, in the words of the API. */
internal fun exception(error: Throwable): Throwable {
    val reason = when (error) {
        is HeadwaterException.Configuration -> AnalyticsException.Reason.Configuration
        is HeadwaterException.DirectoryInUse -> AnalyticsException.Reason.DirectoryInUse
        is HeadwaterException.Storage -> AnalyticsException.Reason.Storage
        is HeadwaterException.NotSynced -> AnalyticsException.Reason.NotSynced
        is HeadwaterException.Invalid -> AnalyticsException.Reason.Invalid
        is HeadwaterException.TooLarge -> AnalyticsException.Reason.TooLarge
        is HeadwaterException.Closed -> AnalyticsException.Reason.Closed
        is SerializationException -> AnalyticsException.Reason.Invalid
        is UnsatisfiedLinkError -> AnalyticsException.Reason.Configuration
        else -> return error
    }
    return AnalyticsException(reason, error.message.orEmpty(), error)
}

/** The call with the time it was made at, where it names none: it is stamped later. */
internal fun timed(call: String): String {
    val members = parse(call) ?: return call
    if ("timestamp" in members) return call
    return call.dropLast(1) + ",\"timestamp\":\"" + iso(Date()) + "\"}"
}

/** ISO 8601, in UTC, to the millisecond. */
internal fun iso(date: Date): String = SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
    .apply { timeZone = TimeZone.getTimeZone("UTC") }
    .format(date)
