package io.headwater.analytics.internal

import com.sun.jna.Memory
import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import uniffi.headwater.Client

/**
 * The call that apps make most, past UniFFI: one crossing of JNI with plain numbers, a tenth of what JNA takes
 * (`bindings/uniffi/src/straight.rs`). Where the library cannot be loaded a second time this way, UniFFI it is.
 */
internal class Straight(private val client: Client) {
    private val number = if (available) client.number() else 0

    /** As [Client.call], without the receipt. */
    fun call(event: String) {
        if (number == 0L) {
            client.call(event)
            return
        }
        val text = event.toByteArray()
        val room = if (text.size <= ROOM) room.get() else Room(text.size)
        room.buffer.clear()
        room.buffer.put(text)
        if (call(number, room.address, text.size) < 0) client.takeError()
    }

    /** Memory outside of the JVM's heap, which nothing moves. */
    private class Room(size: Int) {
        private val memory = Memory(size.toLong())
        val address = Pointer.nativeValue(memory)
        val buffer: java.nio.ByteBuffer = memory.getByteBuffer(0, memory.size())
    }

    companion object {
        private const val ROOM = 16 * 1024
        private val room = object : ThreadLocal<Room>() {
            override fun initialValue() = Room(ROOM)
        }

        private val available = try {
            // The same file that JNA loaded, so the same library and the same clients. On Android it has a name alone.
            val file = NativeLibrary.getInstance("headwater_ffi").file
            if (file != null && file.isAbsolute) System.load(file.path) else System.loadLibrary("headwater_ffi")
            true
        } catch (_: LinkageError) {
            false
        } catch (_: SecurityException) {
            false
        }

        @JvmStatic
        private external fun call(number: Long, address: Long, length: Int): Int
    }
}
