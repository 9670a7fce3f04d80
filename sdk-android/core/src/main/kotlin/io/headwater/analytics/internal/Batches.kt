package io.headwater.analytics.internal

/** The events in another SDK's queue file, which may have been cut off anywhere, or continued after its end. */
internal object Batches {
    /**
     * `{"batch":[{…},{…}],"sentAt":…}` as one event's text each, with a `timestamp` where only `originalTimestamp` is given.
     * Events without `messageId` are nobody's.
     */
    fun events(text: String): List<String> {
        val start = text.indexOf('[').takeIf { it >= 0 } ?: return emptyList()
        return objects(text, start + 1).mapNotNull { part ->
            val event = parse(part) ?: return@mapNotNull null
            if (event.text("messageId") == null || event.text("type") == null) return@mapNotNull null
            val original = event["originalTimestamp"]
            if (event["timestamp"] != null || original == null) return@mapNotNull part
            json(kotlinx.serialization.json.JsonObject(event + ("timestamp" to original)))
        }
    }

    /** The outermost complete objects from here on. */
    private fun objects(text: String, from: Int): List<String> {
        val found = mutableListOf<String>()
        var depth = 0
        var start = 0
        var quoted = false
        var at = from
        while (at < text.length) {
            val char = text[at]
            when {
                quoted && char == '\\' -> at++
                char == '"' -> quoted = !quoted
                quoted -> {}
                char == '{' -> if (depth++ == 0) start = at
                char == '}' && depth > 0 -> if (--depth == 0) found += text.substring(start, at + 1)
            }
            at++
        }
        return found
    }
}
