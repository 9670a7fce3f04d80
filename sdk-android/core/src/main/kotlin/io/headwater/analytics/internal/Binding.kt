package io.headwater.analytics.internal

import io.headwater.analytics.Configuration
import io.headwater.analytics.ConsentConfiguration
import io.headwater.analytics.CountBasedFlushPolicy
import io.headwater.analytics.Durability
import io.headwater.analytics.FrequencyFlushPolicy
import io.headwater.analytics.Mode
import io.headwater.analytics.StartupFlushPolicy
import io.headwater.analytics.platform.HeadwaterPlatform
import io.headwater.analytics.platform.Host
import kotlinx.serialization.json.put
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.putJsonObject
import uniffi.headwater.Consent
import uniffi.headwater.ConsentModel
import uniffi.headwater.Header
import uniffi.headwater.Hold
import uniffi.headwater.Retry
import java.util.UUID

internal const val VERSION: String = "0.1.0"

/** Once a process. */
private val instanceId = UUID.randomUUID().toString()

/** The configuration, as the client knows it. */
@OptIn(HeadwaterPlatform::class)
internal fun Configuration.binding(host: Host): uniffi.headwater.Configuration {
    val binding = uniffi.headwater.Configuration(writeKey, apiHost?.ifBlank { null })
    binding.context = buildJsonObject {
        putJsonObject("library") {
            put("name", host.libraryName)
            put("version", VERSION)
        }
        if (automaticContext) put("instanceId", instanceId)
        userAgent?.let { put("userAgent", it) }
    }.toString()
    binding.mode = when (mode) {
        Mode.Device -> uniffi.headwater.Mode.DEVICE
        Mode.Server -> uniffi.headwater.Mode.SERVER
    }
    binding.durability = when (durability) {
        Durability.Buffered -> uniffi.headwater.Durability.BUFFERED
        Durability.Sync -> uniffi.headwater.Durability.SYNC
        Durability.Memory -> uniffi.headwater.Durability.MEMORY
    }
    val count = flushPolicies.filterIsInstance<CountBasedFlushPolicy>().firstOrNull()?.flushAt ?: flushAt
    val interval = flushPolicies.filterIsInstance<FrequencyFlushPolicy>().firstOrNull()?.flushIntervalInMillis
        ?: flushIntervalInMillis ?: flushInterval?.let { it * 1000L }
    // With policies of its own, the app decides: the engine's remain a backstop.
    val custom = flushPolicies.any { it !is StartupFlushPolicy }
    binding.flushAt = count?.coerceAtLeast(1)?.toUInt() ?: if (custom) 500u else null
    binding.flushIntervalMs = number(interval) ?: if (custom) 300_000u else null
    binding.flushBytes = number(flushBytes)
    binding.maxBatchEvents = maxBatchEvents?.coerceAtLeast(1)?.toUInt()
    binding.gzip = gzip
    binding.basicAuth = basicAuth
    binding.headers = headers.map { Header(it.key, it.value) }
    binding.requestTimeoutMs = number(requestTimeout)
    binding.retry = Retry(
        baseMs = number(retry.base),
        maxMs = number(retry.longest),
        maxRetries = retry.maxRetries?.coerceAtLeast(0)?.toUInt(),
        maxRateLimited = retry.maxRateLimited?.coerceAtLeast(0)?.toUInt(),
        maxTotalMs = number(retry.maxTotal),
    )
    binding.quotaEvents = number(maxEvents)
    binding.quotaBytes = number(maxBytes)
    binding.quotaAgeMs = number(maxAge)
    binding.consent = consent?.let(::consent)
    binding.sessionTimeoutMs = number(sessionTimeout)
    binding.fetchSettings = fetchSettings ?: (mode == Mode.Device)
    binding.followApiHost = followApiHost ?: false
    if (binding.fetchSettings) binding.settingsHost = cdnHost?.ifBlank { null }
    binding.defaultSettings = defaultSettings?.document?.toString()
    return binding
}

private fun consent(given: ConsentConfiguration) = Consent(
    model = when (given.model) {
        ConsentConfiguration.Model.OptIn -> ConsentModel.OPT_IN
        ConsentConfiguration.Model.OptOut -> ConsentModel.OPT_OUT
    },
    categories = given.categories,
    hold = when (given.hold) {
        ConsentConfiguration.Hold.Persist -> Hold.PERSIST
        ConsentConfiguration.Hold.Memory -> Hold.MEMORY
    },
)

private fun number(value: Long?): ULong? = value?.coerceAtLeast(0)?.toULong()
