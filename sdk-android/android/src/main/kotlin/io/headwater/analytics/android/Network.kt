package io.headwater.analytics.android

import android.annotation.SuppressLint
import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.net.NetworkRequest
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

/** What networks that lead to the internet there are: which kinds, and whether any; `null`: that is not known. */
internal class NetworkState(capabilities: Collection<NetworkCapabilities>, others: Boolean) {
    val online: Boolean? = if (capabilities.isNotEmpty()) true else if (others) null else false
    val json: JsonObject = buildJsonObject {
        fun any(transport: Int) = capabilities.any { it.hasTransport(transport) }
        put("wifi", any(NetworkCapabilities.TRANSPORT_WIFI))
        put("bluetooth", any(NetworkCapabilities.TRANSPORT_BLUETOOTH))
        put("cellular", any(NetworkCapabilities.TRANSPORT_CELLULAR))
    }
}

/**
 * The networks, as they come and go. Without `ACCESS_NETWORK_STATE`, which the library's manifest asks for and an app may
 * take out, nothing is known: requests are tried then.
 */
internal class NetworkWatcher(context: Context, private val changed: (NetworkState) -> Unit) {
    private val manager = context.getSystemService(Context.CONNECTIVITY_SERVICE) as? ConnectivityManager
    private val networks = HashMap<Network, NetworkCapabilities>()

    private val callback = object : ConnectivityManager.NetworkCallback() {
        override fun onCapabilitiesChanged(network: Network, capabilities: NetworkCapabilities) =
            tell { networks[network] = capabilities }

        override fun onLost(network: Network) = tell { networks.remove(network) }
    }

    /** Answers whether it may look. */
    @SuppressLint("MissingPermission")
    fun start(): Boolean {
        val manager = manager ?: return false
        val request = NetworkRequest.Builder()
            .addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
            .removeCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
            .build()
        // No permission; or the app has used up the callbacks that the system grants it.
        return try {
            manager.registerNetworkCallback(request, callback)
            @Suppress("DEPRECATION") // The callback says nothing where there is no network.
            val all = manager.allNetworks
            tell(others = all.isNotEmpty()) {
                for (network in all) {
                    val capabilities = manager.getNetworkCapabilities(network) ?: continue
                    if (capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)) {
                        networks[network] = capabilities
                    }
                }
            }
            true
        } catch (_: RuntimeException) {
            false
        }
    }

    fun stop() {
        try {
            manager?.unregisterNetworkCallback(callback)
        } catch (_: RuntimeException) {
            // It was not registered.
        }
    }

    private fun tell(others: Boolean = false, change: () -> Unit) {
        // One at a time, so that the last word is the last state.
        synchronized(networks) {
            change()
            changed(NetworkState(networks.values, others))
        }
    }
}
