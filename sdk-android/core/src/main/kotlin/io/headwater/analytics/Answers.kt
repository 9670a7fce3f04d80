package io.headwater.analytics

import kotlinx.serialization.json.JsonObject

/** Events that will never be delivered, and why. */
public class DropReport internal constructor(
    /**
     * `invalid`, `quota_bytes`, `quota_events`, `too_old`, `rejected`, `refused`, `retry_limit`, `consent_denied`,
     * `consent_withdrawn`, `plugin`, `plugin_failed`, `storage_failed`, `corrupt`, `destination_failed`, `destination_overflow`, `purged` or
     * `not_kept`.
     */
    public val reason: String,
    public val count: Long,
    public val messageId: String?,
    /** The hub's answer, where there was one. */
    public val status: Int?,
    /** The destination, where one failed. */
    public val destination: String?,
    /** In words, without anything from the event itself. */
    public val detail: String,
) {
    override fun toString(): String = "$count dropped: $reason ($detail)"
}

/** Something worth knowing that costs no event. */
public class Diagnostic internal constructor(
    /** `batch_delivered`, `upload_failed`, `settings_failed` or another word. */
    public val kind: String,
    /** `batch_delivered`: its events. */
    public val events: Long?,
    /** `upload_failed`: the hub's status; absent when no answer came. */
    public val status: Int?,
    /** `upload_failed`: milliseconds until the next try. */
    public val retryInMillis: Long?,
    /** In words. */
    public val detail: String,
) {
    override fun toString(): String = "$kind: $detail"
}

/** What a flush did. Counts are of the events queued before it was asked for. */
public class FlushReport internal constructor(
    /** The hub has them. */
    public val delivered: Long,
    /** Reported with a reason. */
    public val dropped: Long,
    /** Still queued: they are safe and will be tried again. */
    public val pending: Long,
    /** Why something is pending, in words. */
    public val waitingFor: String?,
) {
    override fun toString(): String = "$delivered delivered, $dropped dropped, $pending pending" +
        (waitingFor?.let { " (waiting for $it)" } ?: "")
}

/** Who the user is. */
public class UserInfo internal constructor(
    public val anonymousId: String,
    public val userId: String?,
    public val traits: JsonObject,
    /** The address that opened the app last. */
    public val referrer: String?,
) {
    override fun equals(other: Any?): Boolean = other is UserInfo && other.anonymousId == anonymousId &&
        other.userId == userId && other.traits == traits && other.referrer == referrer

    override fun hashCode(): Int = anonymousId.hashCode() * 31 + userId.hashCode()

    override fun toString(): String = "UserInfo"
}

/** Why a call was refused or the storage could not be used. Told to [Configuration.onError]. */
public class AnalyticsException internal constructor(
    public val reason: Reason,
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause) {
    public enum class Reason {
        /** The configuration cannot work, or the native library is missing; nothing is sent. */
        Configuration,

        /** Another process has the folder open: events are kept in memory only. */
        DirectoryInUse,

        /** The disk failed; when it did at the start, events are kept in memory only. */
        Storage,

        /** Kept, but not known to be on the disk. */
        NotSynced,

        /** The call cannot be an event. */
        Invalid,

        /** The event is over 32 KB. */
        TooLarge,

        /** After [Analytics.shutdown]. */
        Closed,

        /** A plugin's call led to another of its calls, over and over. */
        Recursion,

        /** A plugin, or another part of the app that the SDK called, threw. */
        Plugin,
    }
}

/** Hears of errors. */
public fun interface ErrorHandler {
    public fun onError(error: Throwable)
}

/** Hears of events that will never be delivered. */
public fun interface ReportHandler {
    public fun onReport(report: DropReport)
}

/** Hears of what is worth knowing and costs no event. */
public fun interface DiagnosticHandler {
    public fun onDiagnostic(diagnostic: Diagnostic)
}

/** Hears how a flush ended. */
public fun interface FlushHandler {
    public fun onFlushed(report: FlushReport)
}

/** Hears who the user is. */
public fun interface UserInfoHandler {
    public fun onUserInfo(info: UserInfo)
}
