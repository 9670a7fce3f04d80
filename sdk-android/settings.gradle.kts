// For Android Studio and scripts/build-aar.sh; Maven (pom.xml) builds and tests the same sources without an Android SDK.
pluginManagement {
    // Versions stand in pom.xml.
    val pom = file("pom.xml").readText()
    fun version(name: String) = Regex("<$name>(.+?)</$name>").find(pom)!!.groupValues[1]
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
    plugins {
        id("org.jetbrains.kotlin.jvm") version version("kotlin.version")
        id("org.jetbrains.kotlin.android") version version("kotlin.version")
        id("com.android.library") version version("android.gradle.version")
    }
}

dependencyResolutionManagement {
    repositories {
        google()
        mavenCentral()
    }
}

rootProject.name = "headwater-android"
include(":binding", ":core", ":android")
