package io.headwater.analytics.internal

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import java.net.URLDecoder

internal object Links {
    /** What "Deep Link Opened" says of an address. */
    fun properties(url: String, referringApplication: String?): JsonObject = buildJsonObject {
        val query = url.substringAfter('?', "").substringBefore('#')
        for (part in query.split('&')) {
            val name = decode(part.substringBefore('='))
            val value = decode(part.substringAfter('=', ""))
            if (name.isNotEmpty() && value.isNotBlank()) put(name, value)
        }
        put("url", url)
        referringApplication?.let {
            // As the spec has it, and as analytics-kotlin.
            put("referring_application", it)
            put("referrer", it)
        }
    }

    private fun decode(text: String): String = try {
        URLDecoder.decode(text, "UTF-8")
    } catch (_: IllegalArgumentException) {
        text
    }
}
