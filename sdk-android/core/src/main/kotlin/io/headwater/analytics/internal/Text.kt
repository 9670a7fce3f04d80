package io.headwater.analytics.internal

import io.headwater.analytics.AnalyticsException
import io.headwater.analytics.NonConformingNumbers
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.util.Date
import java.util.UUID

/** A member that is a string. */
internal fun JsonObject.text(key: String): String? = (this[key] as? JsonPrimitive)?.takeIf { it.isString }?.content

internal fun json(value: JsonObject?): String = if (value == null) "{}" else Text().apply { element(value) }.toString()

internal fun parse(text: String): JsonObject? = runCatching { Json.parseToJsonElement(text) as? JsonObject }.getOrNull()

/** JSON text, written at once from what an app has: JSON trees, maps, lists, plain values. */
internal class Text(private val numbers: NonConformingNumbers = NonConformingNumbers.Zero) {
    private val out = StringBuilder(256)
    private var depth = 0

    override fun toString(): String = out.toString()

    fun raw(text: String): Text {
        out.append(text)
        return this
    }

    fun string(value: String): Text {
        out.append('"')
        var done = 0
        for (at in value.indices) {
            val char = value[at]
            val escape = when {
                char == '"' -> "\\\""
                char == '\\' -> "\\\\"
                char >= ' ' -> if (lonely(value, at)) "\\ufffd" else continue
                char == '\n' -> "\\n"
                char == '\r' -> "\\r"
                char == '\t' -> "\\t"
                else -> "\\u" + char.code.toString(16).padStart(4, '0')
            }
            out.append(value, done, at).append(escape)
            done = at + 1
        }
        out.append(value, done, value.length).append('"')
        return this
    }

    /** Half of a pair: no character that UTF-8 could say. */
    private fun lonely(value: String, at: Int): Boolean {
        val char = value[at]
        if (!char.isSurrogate()) return false
        return if (char.isHighSurrogate()) {
            at + 1 >= value.length || !value[at + 1].isLowSurrogate()
        } else {
            at == 0 || !value[at - 1].isHighSurrogate()
        }
    }

    fun element(value: JsonElement): Text = when (value) {
        is JsonNull -> raw("null")
        is JsonPrimitive -> if (value.isString) string(value.content) else literal(value.content)
        is JsonObject -> members(value) { element(it) }
        is JsonArray -> items(value) { element(it) }
    }

    /** Any value that JSON can say. */
    fun any(value: Any?): Text = when (value) {
        null -> raw("null")
        is String -> string(value)
        is JsonElement -> element(value)
        is Boolean -> raw(value.toString())
        is Number -> literal(value.toString())
        is Map<*, *> -> members(value) { any(it) }
        is Iterable<*> -> items(value) { any(it) }
        is Array<*> -> items(value.asIterable()) { any(it) }
        is IntArray -> items(value.asIterable()) { any(it) }
        is LongArray -> items(value.asIterable()) { any(it) }
        is DoubleArray -> items(value.asIterable()) { any(it) }
        is FloatArray -> items(value.asIterable()) { any(it) }
        is BooleanArray -> items(value.asIterable()) { any(it) }
        is Char, is UUID, is CharSequence -> string(value.toString())
        is Enum<*> -> string(value.name)
        is Date -> string(iso(value))
        else -> other(value)
    }

    /** Times of java.time, by name, since Android has them from version 8 on. */
    private fun other(value: Any): Text = when {
        value.javaClass.name.startsWith("java.time.") -> string(value.toString())
        else -> throw invalid("a ${value.javaClass.name} has no form in JSON")
    }

    private fun literal(content: String): Text = when (content) {
        "NaN", "Infinity", "-Infinity" -> when (numbers) {
            NonConformingNumbers.Zero -> raw("0")
            NonConformingNumbers.Null -> raw("null")
            NonConformingNumbers.Fail -> throw invalid("$content has no form in JSON")
        }
        else -> raw(content)
    }

    private fun <V> members(map: Map<*, V>, write: (V) -> Unit): Text = nested {
        out.append('{')
        var first = true
        for ((key, value) in map) {
            if (!first) out.append(',')
            first = false
            string(key.toString())
            out.append(':')
            write(value)
        }
        out.append('}')
    }

    private fun <V> items(list: Iterable<V>, write: (V) -> Unit): Text = nested {
        out.append('[')
        var first = true
        for (value in list) {
            if (!first) out.append(',')
            first = false
            write(value)
        }
        out.append(']')
    }

    private inline fun nested(write: () -> Unit): Text {
        if (++depth > DEEPEST) throw invalid("it is nested more than $DEEPEST levels deep, or in itself")
        write()
        depth--
        return this
    }

    private fun invalid(why: String) = AnalyticsException(AnalyticsException.Reason.Invalid, "the call cannot be used: $why")

    private companion object {
        /** Far over what the engine takes, far under what a thread's stack holds. */
        const val DEEPEST = 500
    }
}
